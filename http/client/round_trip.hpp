// One request on one connection: it is sent, and its response awaited up to the head that counts.
// Internal.
//
//   no body, or a small one      head and body in one write ──► the response's head
//   a larger or a streamed one   head ──► body, and the response's head beside it
//   with Expect: 100-continue    head ──► the server's word, or a second without one ──► as above
#pragma once

#include <rondo/http/client/client_connection.hpp>
#include <rondo/http/client/exchange_context.hpp>
#include <rondo/http/client/pool.hpp>
#include <rondo/http/request.hpp>
#include <rondo/runtime/task_group.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <variant>

namespace rondo::http::detail {

// For one attempt after the other, each on a connection of its own.
class round_trip {
 public:
  // Nothing, or not all of a head, came before the connection ended.
  struct no_answer {
    std::error_code code;
    std::string what;
    bool unprocessed = false;  // the server has done nothing with the request, and says so
  };
  static constexpr const char* closed_silently =
      "the server closed the connection without an answer";
  // The server did not want to be asked (417).
  struct expectation_failed {};

  // Both outlive it.
  round_trip(exchange_context& context, request& r) noexcept : context_(context), request_(r) {}

  // Sends `head` and the body, and reads up to the head of the response that counts. `head` is kept
  // by the caller until then, and a small body is put behind it. Precondition: no upload is under
  // way. Throws no_answer, expectation_failed, connect_error (write), timeout_error, tls_error, and
  // what the request's own body throws.
  task<> run(client_connection& c, std::string& head);
  // The same on a stream. Nothing of the head is kept.
  task<> run(client_stream& c, const http2_head& head);
  // After no_answer: the request could not be sent, or was not answered.
  [[noreturn]] void throw_failure(const no_answer& e) const;

  // Whether the body is sent only when the server has said that it wants it.
  void expect_go_ahead(bool on) noexcept { expects_ = on; }
  // The same, for a request that has a body.
  bool asks_first() const noexcept {
    if (!expects_) return false;
    const auto* whole = std::get_if<std::string>(&request_.body_);
    return whole ? !whole->empty() : !std::holds_alternative<std::monostate>(request_.body_);
  }
  bool may_send_body_again() const noexcept;

  // A body that is sent beside its response may go on in `g`, when run() has ended.
  void upload_in(task_group& g) noexcept { uploads_ = &g; }
  bool upload_begun() const noexcept { return upload_.has_value(); }
  // Precondition: it has begun.
  bool response_was_read() const noexcept { return shared_->heard_all; }
  task<> stop_upload();

 private:
  enum class awaited : std::uint8_t { final_head, go_ahead };
  // Of the connection; what a request's own body throws passes as it is.
  struct write_failure {
    std::error_code code;
  };

  // A body goes with its head, before anything is read.
  bool goes_at_once() const noexcept;
  task<> send_at_once(client_connection& c, std::string& head);
  task<> send_head_first(client_connection& c, const std::string& head);
  void send_at_once(client_stream& c, const http2_head& head);
  task<> send_head_first(client_stream& c, const http2_head& head);
  // With Expect: false when the server has answered, and nobody wants the body.
  template <class Carrier>
  task<bool> await_go_ahead(Carrier& c);
  // What is left after the head: the body, and beside it the response's head.
  template <class Carrier>
  task<> run_duplex(Carrier& c);
  template <class Carrier>
  task<> read_side(Carrier& c);
  template <class Carrier>
  task<> write_side(Carrier& c);

  template <class Carrier>
  task<awaited> await_head(Carrier& c, awaited at_least);
  template <class Carrier>
  task<> await_head_in_time(Carrier& c);
  void trace_head(const http2_head& head) const;

  void open_body();
  template <class Carrier>
  task<> write_body(Carrier& c);
  // `text` is kept by the caller until it has gone.
  task<> write(client_connection& c, std::string_view text);
  task<> write(client_stream& c, std::string_view text);
  template <class Stream>
  task<> write_to(Stream& stream, std::string_view text);
  template <class T>
  [[noreturn]] static void throw_failure_of(const outcome<T>& written);
  void keep_failure(const write_failure& e);
  [[noreturn]] static void throw_unsent(const write_failure& e);

  exchange_context& context_;
  request& request_;
  std::optional<write_failure> unsent_;
  task_group* uploads_ = nullptr;            // where a body is sent; null: in a group of its own
  std::optional<join_handle<void>> upload_;  // the latest body's way out
  std::shared_ptr<upload> shared_;           // what it shares with who reads the response
  bool expects_ = false;
  bool body_taken_ = false;  // a body that can be sent once has been begun
};

}  // namespace rondo::http::detail
