// What a connection runs on: a TCP or Unix socket, or TLS over it. A branch where it is used, not a
// virtual call: plain HTTP awaits the socket's own operations. Internal.
//
//   n = t.tls() ? co_await t.tls()->read_some(buffer) : co_await t.plain().read_some(buffer);
#pragma once

#include <rondo/net/tcp.hpp>
#include <rondo/net/tls_stream.hpp>
#include <rondo/net/unix.hpp>

#include <utility>

namespace rondo::http::detail {

// Of either family: what follows the connecting does not ask.
class plain_stream final : public net::stream_socket {
 public:
  plain_stream() = default;
  plain_stream(net::tcp_stream s) noexcept : stream_socket(std::move(s)) {}
  plain_stream(net::unix_stream s) noexcept : stream_socket(std::move(s)) {}
};

using tls_stream = net::tls_stream<plain_stream>;

class transport {
 public:
  transport(plain_stream s) noexcept : plain_(std::move(s)) {}
  transport(tls_stream s) noexcept : tls_(std::move(s)), secure_(true) {}

  // nullptr without TLS.
  tls_stream* tls() noexcept { return secure_ ? &tls_ : nullptr; }
  // The socket: the stream itself, or the one below TLS.
  plain_stream& plain() noexcept { return secure_ ? tls_.transport() : plain_; }
  // True when a read would not wait: data, the end, or an error.
  bool readable_now() const noexcept {
    return secure_ ? tls_.readable_now() : plain_.readable_now();
  }
  // At once. Over TLS the peer is told that this was all, if nothing was under way.
  void close() noexcept {
    if (secure_)
      tls_.close();
    else
      plain_.close();
  }

 private:
  plain_stream plain_;
  tls_stream tls_;
  bool secure_ = false;
};

}  // namespace rondo::http::detail
