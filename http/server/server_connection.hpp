// A connection of the server while it has something to do: requests in, responses out, in order.
// It begins with the first bytes of a request and ends when nothing is buffered any more; what
// stays meanwhile is the accepted_connection. Internal.
//
// Answers are held as long as the next request is there already, and go out together: before
// anything is read or lingered for, when 64 KiB are held, and when a handler comes to rest. Nothing
// is read ahead while a handler runs.
#pragma once

#include <rondo/http/server/accepted_connection.hpp>
#include <rondo/http/server/file_body.hpp>
#include <rondo/http/server/server_exchange.hpp>
#include <rondo/http/wire/parser.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace rondo::http::detail {

class server_connection final : public server_exchange {
 public:
  // What has come first, lent by the loop or in a buffer of its own.
  struct first_bytes {
    received_bytes lent;
    read_buffer own;
    std::size_t size = 0;  // in `own`
  };

  // Answers what has come and what comes behind it. True: the connection is at rest again; false:
  // HTTP is done with it, and perhaps another protocol goes on.
  static task<bool> converse(accepted_connection& c, first_bytes first);

  server_connection(const server_connection&) = delete;
  server_connection& operator=(const server_connection&) = delete;
  ~server_connection();

  // For server_request.
  task<std::span<const std::byte>> next_chunk() override;
  task<> send_early_hints(http::headers fields) override;

 private:
  enum class head_state : std::uint8_t { came, incomplete, closed, refused };

  // Fires at the end of a turn in which a handler, or the source of a response, has come to rest.
  struct resting final : rondo::detail::timer {
    explicit resting(server_connection& c) noexcept : timer(&fired), connection(&c) {}
    static void fired(timer& t) noexcept { static_cast<resting&>(t).connection->handler_rests(); }
    server_connection* connection;
  };
  // As long as it lives, a handler or a source has the task.
  class elsewhere {
   public:
    explicit elsewhere(server_connection& c) noexcept : connection_(c) { c.hand_over(); }
    elsewhere(const elsewhere&) = delete;
    elsewhere& operator=(const elsewhere&) = delete;
    ~elsewhere() { connection_.in_handler_ = false; }

   private:
    server_connection& connection_;
  };

  server_connection(accepted_connection& c, first_bytes&& first) noexcept;

  connection_clock& clock() noexcept { return connection_.clock(); }
  std::optional<std::uint64_t> body_length() const noexcept override {
    return parser_.content_length();
  }

  // Reads into unread_, which is empty then: the end of the stream when it stays so. False: its
  // time was over. Throws std::system_error, and then the connection is lost.
  task<bool> read(rondo::detail::time_point until);
  template <class Stream>
  task<bool> read_from(Stream& stream, rondo::detail::time_point until);
  // What is held goes out. Throws as read().
  task<> flush();
  template <class Stream>
  task<> flush_to(Stream& stream);
  bool holds() const noexcept { return gone_ < held_.size(); }

  // The next event from what has been read alone: need_more when it does not make one.
  parse_step buffered_event();
  head_state buffered_head();
  task<head_state> rest_of_head();
  head_state refused(int status, std::string_view why);
  task<parse_step> body_event();

  task<> answer_all();
  task<> answer();
  task<server_response> handle(server_request& request, bool whole_server);
  void hold(const server_response& response, bool head_only);
  task<> send_body(server_response& response);
  task<> send_file(const file_body& body);
  void refuse(int status, std::string_view why);
  // Whether the request asks for what the response would switch to.
  bool may_switch(const server_request& request, const server_response& response) const noexcept;
  task<> switch_protocols(server_response response);
  // The rest of a body that the handler did not read; false: too much of it.
  task<bool> drain();
  // Half-closes, and reads on for a moment.
  task<> linger();

  void hand_over() noexcept;
  void handler_rests() noexcept;

  request_parser parser_;
  received_bytes lent_;
  read_buffer buffer_;
  std::span<const std::byte> unread_;  // in one of the two
  std::string held_;                   // answers, and what else is to go out
  std::size_t gone_ = 0;               // of it
  resting resting_{*this};
  bool in_handler_ = false;
  bool writing_ = false;
  bool expects_continue_ = false;
  bool keep_ = true;
  http::version version_ = http::version::http_1_1;
  int refusal_ = 0;  // the status of what is no request, and why
  std::string refusal_why_;
  bool reading_ = false;  // of this request's body; left so when the read was cancelled
};

}  // namespace rondo::http::detail
