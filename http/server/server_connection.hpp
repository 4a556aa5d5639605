// One connection of the server: requests in, responses out, in order. Internal.
#pragma once

#include <rondo/http/errors.hpp>
#include <rondo/http/parts/transport.hpp>
#include <rondo/http/server/file_body.hpp>
#include <rondo/http/server/server_state.hpp>
#include <rondo/http/server/write_watch.hpp>
#include <rondo/http/wire/parser.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <string>
#include <string_view>

namespace rondo::http::detail {

class server_connection {
 public:
  server_connection(const server_state& s, transport stream);

  // Until the connection is done with.
  task<> run();
  // For server_request.
  task<std::span<const std::byte>> next_chunk();
  task<std::string> whole_body();
  net::endpoint remote() noexcept;

 private:
  enum class head_state : std::uint8_t { came, closed, timed_out };

  // Reads into unread_, which is empty then: the end of the stream when it stays so. Throws
  // std::system_error, and then the connection is lost.
  task<> read();
  template <class Stream>
  task<> read_from(Stream& stream);
  // Throws as read().
  task<> write(std::string_view text);
  template <class Stream>
  task<> write_to(Stream& stream, std::string_view text);
  task<parse_step> next_event();
  // The same from what has been read alone: need_more when it does not make one.
  parse_step buffered_event();
  task<head_state> await_head();
  task<> answer();
  task<server_response> handle(server_request& request);
  server_response not_routed(std::string_view method, const router::match& found);
  // The answer to OPTIONS of the server as a whole.
  server_response about_the_server() const;
  // Whose fault it is that a handler threw this.
  server_response blame(const http::error& thrown);
  [[noreturn]] void refuse_body();  // it is too large
  task<> send(server_response response, bool head_only);
  task<> send_body(server_response& response);
  task<> send_file(const file_body& body);
  task<> refuse(int status, std::string_view why);
  // The rest of a body that the handler did not read; false: too much of it.
  task<bool> drain();
  // Half-closes, and reads on for a moment.
  task<> part();

  const server_state& server_;
  transport stream_;
  write_watch watch_;
  request_parser parser_;
  received_bytes lent_;
  read_buffer buffer_;
  std::span<const std::byte> unread_;  // in one of the two
  bool body_ended_ = true;
  bool expects_continue_ = false;
  bool keep_ = true;
  bool lost_ = false;  // reading or writing failed: nobody is left to answer
  http::version version_ = http::version::http_1_1;
  // What reading this request's body has thrown: the client's fault, whoever lets it pass.
  std::exception_ptr body_failure_;
};

}  // namespace rondo::http::detail
