// A stream of HTTP/2 as bytes both ways, once an extended CONNECT has been answered with 200 (RFC
// 8441): what a WebSocket runs on in a socket's place. Internal.
//
//   transport t(net::any_stream(http2_tunnel(std::move(stream), remote)));
//   co_await t.with([&](auto& s) { return rondo::detail::to_task(s.read_some(room)); });
//
// END_STREAM is the end of one direction, as TCP's FIN; RST_STREAM (CANCEL) an abort, as its reset
// (section 5 there). Flow control is back-pressure: credit goes back as bytes are read, and a
// writer waits while 64 KiB of its stream are unsent.
#pragma once

#include <rondo/http/http2/stream.hpp>
#include <rondo/net/endpoint.hpp>
#include <rondo/runtime/task.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

namespace rondo::http::detail {

class http2_tunnel {
 public:
  // The stream's head has been sent, and no body of it. Throws std::bad_alloc.
  http2_tunnel(http2_stream_ref stream, net::endpoint remote)
      : http2_tunnel(std::make_shared<shared>(std::move(stream)), std::move(remote)) {}
  http2_tunnel(http2_tunnel&&) noexcept = default;
  http2_tunnel& operator=(http2_tunnel&&) = delete;
  // One that a failure or a cancellation destroys is a reset: as over TLS, the peer must not take
  // what it got for the whole. Any other is closed.
  ~http2_tunnel();

  // For who sees to it that what was written goes, when the tunnel is closed: the stream, which
  // goes with the last of the two.
  struct shared {
    explicit shared(http2_stream_ref s) noexcept : stream(std::move(s)) {}
    http2_stream_ref stream;
    bool closed = false;
    bool reading = false;
    bool writing = false;
  };
  http2_tunnel(std::shared_ptr<shared> s, net::endpoint remote) noexcept
      : shared_(std::move(s)), remote_(std::move(remote)) {}

  // As a socket's: 0 at the end of the stream. Throw std::system_error: the stream was reset, or
  // its connection lost (ECONNRESET); io_errc::closed, io_errc::busy. Cancelled: no byte is lost,
  // and none has gone; a write_all() that was begun has gone in part.
  task<std::size_t> read_some(std::span<std::byte> buffer) { return read(shared_, buffer); }
  task<std::size_t> write_some(std::span<const std::byte> bytes) { return write(shared_, bytes); }
  task<> write_all(std::span<const std::byte> bytes);
  task<> shutdown_write();
  std::size_t try_write(std::span<const std::byte> bytes) noexcept;
  bool readable_now() const noexcept;
  bool is_open() const noexcept { return shared_ != nullptr; }
  net::endpoint remote_endpoint() const { return remote_; }
  // What was written goes, and then END_STREAM; nobody reads any more.
  void close() noexcept;
  // RST_STREAM (CANCEL).
  void abort() noexcept;

 private:
  static task<std::size_t> read(std::shared_ptr<shared> s, std::span<std::byte> buffer);
  static task<std::size_t> write(std::shared_ptr<shared> s, std::span<const std::byte> bytes);

  std::shared_ptr<shared> shared_;  // null: closed
  net::endpoint remote_;
};

}  // namespace rondo::http::detail
