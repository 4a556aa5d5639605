// A request that is being answered, as far as its server_request asks: over HTTP/1.1 it is the
// connection itself, over HTTP/2 one of its streams. Internal.
#pragma once

#include <rondo/http/errors.hpp>
#include <rondo/http/server/accepted_connection.hpp>
#include <rondo/http/server_messages.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <optional>
#include <span>
#include <string>

namespace rondo::http::detail {

class server_exchange {
 public:
  server_exchange(const server_exchange&) = delete;
  server_exchange& operator=(const server_exchange&) = delete;

  // For server_request.
  virtual task<std::span<const std::byte>> next_chunk() = 0;
  virtual task<> send_early_hints(http::headers fields) = 0;
  task<std::string> whole_body();
  net::endpoint remote() noexcept;
  std::optional<tls_facts> tls() const;
  // Keeps `why` as the client's fault, and throws it.
  [[noreturn]] void refuse_body(std::exception_ptr why);
  int status_for(const std::exception_ptr& thrown) const noexcept;
  void limit_body(std::uint64_t most) noexcept { max_streamed_ = most; }
  net::endpoint client(const http::headers& fields);
  running_server& server() noexcept { return connection_.server(); }

 protected:
  explicit server_exchange(accepted_connection& c) noexcept : connection_(c) {}
  ~server_exchange() = default;

  const server_options& options() const noexcept { return connection_.options(); }
  const server_state& state() const noexcept { return connection_.server().server(); }
  // What the head says of the body's length.
  virtual std::optional<std::uint64_t> body_length() const noexcept = 0;
  // Whose fault it is that a handler threw this, the current exception.
  server_response blame(const http::error& thrown);
  [[noreturn]] void refuse_body_of(std::uint64_t most);  // bytes, which it has more than
  // When a body's read is given up: nothing came for as long as one read may take, or what has come
  // took longer, of the time that was spent waiting for it, than the rate allows.
  rondo::detail::time_point body_due(rondo::detail::time_point now) const noexcept;

  accepted_connection& connection_;
  bool body_ended_ = true;
  bool lost_ = false;  // nobody is left to answer
  std::uint64_t body_taken_ = 0;
  std::uint64_t max_streamed_ = std::numeric_limits<std::uint64_t>::max();  // may be taken
  std::uint64_t body_came_ = 0;
  rondo::detail::nanoseconds body_waited_{};
  rondo::detail::time_point drain_until_ = rondo::detail::never;
  // What reading it has thrown: the client's fault, whoever lets it pass.
  std::exception_ptr body_failure_;
};

}  // namespace rondo::http::detail
