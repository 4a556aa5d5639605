// A response as the client gets it: the head is there, the body comes when it is asked for.
#pragma once

#include <rondo/http/headers.hpp>
#include <rondo/http/message.hpp>
#include <rondo/http/pool.hpp>
#include <rondo/http/url.hpp>
#include <rondo/runtime/task.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace rondo::http {

namespace detail {
class exchange;

// The body still to come, and the connection it comes on.
struct incoming_body {
  lease from;                        // empty once the message has ended
  std::span<const std::byte> ahead;  // of a piece that was read only in part
  rondo::detail::time_point deadline = rondo::detail::never;  // of the whole exchange
  rondo::detail::nanoseconds total{};                         // what the deadline was made of
  std::uint64_t limit = 0;                                    // for text() and bytes()
  http::headers trailers;
};

}  // namespace detail

// Movable. Dropped before its body has been read, it closes its connection. A body is read by one task.
class response {
 public:
  int status() const noexcept { return head_.status; }
  const std::string& reason() const noexcept { return head_.reason; }
  http::version version() const noexcept { return head_.version; }
  const http::headers& headers() const noexcept { return head_.headers; }
  // What was asked for.
  const http::url& url() const noexcept { return url_; }
  // 2xx.
  bool ok() const noexcept { return head_.status >= 200 && head_.status < 300; }
  // Throws status_error for 400 and above.
  void raise_for_status() const;

  // The whole body. Throws body_error (truncated; too_large past client_options::max_body), timeout_error,
  // protocol_error. Cancelled: the connection is closed.
  task<std::string> text();
  task<std::vector<std::byte>> bytes();
  // Some bytes of the body, at least one; 0 at its end. Throws as text().
  task<std::size_t> read_some(std::span<std::byte> buffer);
  // The next piece of the body where it lies, until the next call; empty at its end. Throws as text().
  task<std::span<const std::byte>> next_chunk();
  // After the body's end: the fields that followed it (RFC 9112, section 7.1.2).
  const http::headers& trailers() const noexcept { return body_->trailers; }

 private:
  friend class detail::exchange;
  response(response_head head, http::url url, std::unique_ptr<detail::incoming_body> body) noexcept
      : head_(std::move(head)), url_(std::move(url)), body_(std::move(body)) {}

  task<std::span<const std::byte>> receive();

  response_head head_;
  http::url url_;
  std::unique_ptr<detail::incoming_body> body_;
};

}  // namespace rondo::http
