// What a connection runs on: a TCP or Unix socket, or TLS over it. Which of the two it is, with()
// asks, and nobody else. That is a branch and no virtual call, taken before a coroutine begins, so
// that plain HTTP awaits the socket's own operations. Internal.
//
//   task<std::size_t> read(transport& t, std::span<std::byte> buffer) {
//     return t.with([=](auto& stream) { return read_from(stream, buffer); });   // one coroutine
//   }
#pragma once

#include <rondo/net/tcp.hpp>
#include <rondo/net/tls_stream.hpp>
#include <rondo/net/unix.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <memory>
#include <system_error>
#include <utility>

namespace rondo::http::detail {

// What a connection reads into while it is in use.
using read_buffer = std::unique_ptr<std::byte[]>;
inline constexpr std::size_t read_buffer_bytes = 16 * 1024;
inline read_buffer make_read_buffer() {
  return std::make_unique_for_overwrite<std::byte[]>(read_buffer_bytes);
}

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

  // What `fn` gives for the stream, a plain_stream& or a tls_stream&: the same type for both.
  template <class Fn>
  auto with(Fn fn) {
    return secure_ ? fn(tls_) : fn(plain_);
  }
  template <class Fn>
  auto with(Fn fn) const {
    return secure_ ? fn(tls_) : fn(plain_);
  }

  // The stream itself, or the one below TLS.
  plain_stream& socket() noexcept { return secure_ ? tls_.transport() : plain_; }
  // True when a read would not wait: data, the end, or an error.
  bool readable_now() const noexcept {
    return with([](const auto& s) noexcept { return s.readable_now(); });
  }
  // At once. Over TLS the peer is told that this was all, if nothing was under way.
  void close() noexcept {
    with([](auto& s) noexcept { s.close(); });
  }
  // At once, and the peer's end with it: what it has not taken is lost, and it is told so.
  void reset() noexcept {
    try {
      // Without it the kernel would keep what the peer does not take.
      socket().set(net::options::linger(std::chrono::seconds(0)));
    } catch (const std::system_error&) {  // it is closed all the same
    }
    abort();
  }
  // At once, and without that word.
  void abort() noexcept {
    with([]<class S>(S& s) noexcept {
      if constexpr (std::same_as<S, tls_stream>)
        s.abort();
      else
        s.close();
    });
  }

 private:
  plain_stream plain_;
  tls_stream tls_;
  bool secure_ = false;
};

}  // namespace rondo::http::detail
