// What a connection runs on: TCP, or TLS over it. A branch where it is used, not a virtual call: plain HTTP
// awaits the socket's own operations. Internal.
//
//   n = t.tls() ? co_await t.tls()->read_some(buffer) : co_await t.tcp().read_some(buffer);
#pragma once

#include <rondo/net/tcp.hpp>
#include <rondo/net/tls_stream.hpp>

#include <utility>

namespace rondo::http::detail {

using tls_stream = net::tls_stream<net::tcp_stream>;

class transport {
 public:
  transport(net::tcp_stream s) noexcept : tcp_(std::move(s)) {}
  transport(tls_stream s) noexcept : tls_(std::move(s)), secure_(true) {}

  // nullptr: plain TCP.
  tls_stream* tls() noexcept { return secure_ ? &tls_ : nullptr; }
  // The stream of plain TCP, or the one below TLS.
  net::tcp_stream& tcp() noexcept { return secure_ ? tls_.transport() : tcp_; }
  // True when a read would not wait: data, the end, or an error.
  bool readable_now() const noexcept { return secure_ ? tls_.readable_now() : tcp_.readable_now(); }
  // At once. Over TLS the peer is told that this was all, if nothing was under way.
  void close() noexcept {
    if (secure_)
      tls_.close();
    else
      tcp_.close();
  }

 private:
  net::tcp_stream tcp_;
  tls_stream tls_;
  bool secure_ = false;
};

}  // namespace rondo::http::detail
