// A connection that leaves HTTP for another protocol (RFC 9110, section 7.8).
//
//   task<http::server_response> shout(http::server_request& r) {
//     co_return http::server_response::upgrade("shout", [](http::upgraded_stream s) -> task<> {
//       std::array<std::byte, 512> room;
//       while (const std::size_t n = co_await s.read_some(room))
//         co_await s.write_all(std::span(room).first(n));
//     });
//   }
//
// It is done for a GET of HTTP/1.1 without a body that names the protocol in Upgrade, with
// Connection: upgrade, and nothing else: any other request is answered with 426. A request that
// asks for an upgrade and gets an ordinary answer goes on as if it had not asked.
//
// Over HTTP/2 it is the extended CONNECT (RFC 8441) that asks: the handler sees it as a GET with
// these two fields, the client is answered with 200, and the stream is that of the request. There
// 200 says that the protocol is spoken: an ordinary answer of 2xx becomes 501.
//
// The task runs in the connection's place, or the stream's, when the request and its answer are
// gone: the server counts the connection, a stop waits for it within the grace and then cancels it,
// and server_request::server().until_stop() tells it of the stop. Nothing on the stream has a limit
// of the server's any more: limits are the protocol's. Over HTTP/2 shutdown_write() is END_STREAM,
// and a stream that the client has reset fails as a connection would.
//
// What a handler throws before it has answered is answered with 500, as always. What the protocol
// throws goes to on_unhandled and ends the connection, or the stream. One that ends by that, or by
// a cancellation, takes no leave, so that the client does not take what it got for the whole: over
// TLS there is no close_notify, and a stream of HTTP/2 is reset. Over TCP alone nothing can tell it
// from an end in good order. (A WebSocket says 1011 or 1001, and closes.)
#pragma once

#include <rondo/http/parts/transport.hpp>
#include <rondo/net/endpoint.hpp>
#include <rondo/net/stream.hpp>
#include <rondo/runtime/task.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <utility>

namespace rondo::http {

// The stream, and what the client had sent behind the head of its request, which is read first.
// Movable. Closed when it goes.
class upgraded_stream {
 public:
  upgraded_stream(detail::transport stream, std::string first) noexcept
      : stream_(std::move(stream)), first_(std::move(first)) {}

  // Throw, and are cancelled, as those of a socket or of TLS.
  task<std::size_t> read_some(std::span<std::byte> buffer);
  task<std::size_t> write_some(std::span<const std::byte> bytes);
  task<> write_all(std::span<const std::byte> bytes);
  task<> shutdown_write();
  void close() noexcept { stream_.close(); }
  bool readable_now() const noexcept { return !first_.empty() || stream_.readable_now(); }
  std::size_t try_write(std::span<const std::byte> bytes) noexcept {
    return stream_.try_write(bytes);
  }
  // For a protocol of Rondo's own: the stream, and what has come on it and was not read.
  std::pair<detail::transport, std::string> take() && {
    return {std::move(stream_), first_.substr(read_)};
  }
  // Throws std::system_error.
  net::endpoint remote_endpoint() { return stream_.remote_endpoint(); }

 private:
  task<std::size_t> read_first(std::span<std::byte> buffer);

  detail::transport stream_;
  std::string first_;  // and not read yet, behind `read_`
  std::size_t read_ = 0;
};

static_assert(net::byte_stream<upgraded_stream>);

namespace detail {

// What takes the stream over, with its type erased. It is kept until its last task has ended.
struct upgrade_handler {
  upgrade_handler() = default;
  upgrade_handler(const upgrade_handler&) = delete;
  upgrade_handler& operator=(const upgrade_handler&) = delete;
  virtual ~upgrade_handler() = default;
  virtual task<> call(upgraded_stream s) = 0;
  // That task has returned, or has thrown `failure` and is gone: what follows it; empty: nothing
  // does. To set `failure` to null is to forgive it. Throws std::bad_alloc.
  virtual task<> follow(std::exception_ptr& /*failure*/) { return {}; }
  // A stop of the server was asked for, after call().
  virtual void hear_of_stop() noexcept {}
};

template <class Fn>
struct function_upgrade_handler final : upgrade_handler {
  explicit function_upgrade_handler(Fn f) : fn(std::move(f)) {}
  task<> call(upgraded_stream s) override { return fn(std::move(s)); }
  Fn fn;
};

}  // namespace detail
}  // namespace rondo::http
