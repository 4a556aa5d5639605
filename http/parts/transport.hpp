// What a connection runs on: a TCP or Unix socket, TLS over it, or a stream of another kind. Which
// of them it is, with() asks, and nobody else. That is a branch and no virtual call, taken before a
// coroutine begins, so that plain HTTP awaits the socket's own operations. Internal.
//
//   task<std::size_t> read(transport& t, std::span<std::byte> buffer) {
//     return t.with([=](auto& stream) { return read_from(stream, buffer); });   // one coroutine
//   }
#pragma once

#include <rondo/net/any_stream.hpp>
#include <rondo/net/tcp.hpp>
#include <rondo/net/tls_stream.hpp>
#include <rondo/net/unix.hpp>
#include <rondo/runtime/core/clock.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
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
  transport(tls_stream s) noexcept : tls_(std::move(s)), kind_(kind::secure) {}
  transport(net::any_stream s) noexcept : other_(std::move(s)), kind_(kind::other) {}

  // What `fn` gives for the stream, a plain_stream&, a tls_stream& or an any_stream&: the same type
  // for all.
  template <class Fn>
  auto with(Fn fn) {
    return kind_ == kind::plain ? fn(plain_) : kind_ == kind::secure ? fn(tls_) : fn(other_);
  }
  template <class Fn>
  auto with(Fn fn) const {
    return kind_ == kind::plain ? fn(plain_) : kind_ == kind::secure ? fn(tls_) : fn(other_);
  }

  // The stream itself, or the one below TLS; a closed one for a stream of another kind.
  plain_stream& socket() noexcept { return kind_ == kind::secure ? tls_.transport() : plain_; }
  // TLS itself; nullptr where there is none.
  tls_stream* secure() noexcept { return kind_ == kind::secure ? &tls_ : nullptr; }
  const tls_stream* secure() const noexcept { return kind_ == kind::secure ? &tls_ : nullptr; }
  // Throws std::system_error. 0.0.0.0:0 for a stream of another kind that has none.
  net::endpoint remote_endpoint() {
    return kind_ == kind::other ? other_.remote_endpoint() : socket().remote_endpoint();
  }
  // A stream of another kind; nullptr where it is none.
  net::any_stream* other() noexcept { return kind_ == kind::other ? &other_ : nullptr; }
  // Sends what fits without waiting, while no other write is under way: how many bytes went.
  std::size_t try_write(std::span<const std::byte> bytes) noexcept {
    return with([bytes](auto& s) noexcept { return s.try_write(bytes); });
  }
  // True when a read would not wait: data, the end, or an error.
  bool readable_now() const noexcept {
    return with([](const auto& s) noexcept { return s.readable_now(); });
  }
  // Over TLS: records that the socket has not taken yet wait for the next write.
  bool owes() const noexcept { return kind_ == kind::secure && tls_.owes(); }
  // At once. Over TLS the peer is told that this was all, if nothing was under way.
  void close() noexcept {
    with([](auto& s) noexcept { s.close(); });
  }
  // At once, and without that word.
  void abort() noexcept {
    with([]<class S>(S& s) noexcept {
      if constexpr (std::same_as<S, plain_stream>)
        s.close();
      else
        s.abort();
    });
  }

  // At once, and what the peer has not taken is lost: it is told by a reset, where the stream has
  // one.
  void reset() noexcept {
    try {
      // Without it the kernel would keep what the peer does not take.
      if (kind_ != kind::other) socket().set(net::options::linger(std::chrono::seconds(0)));
    } catch (const std::system_error&) {  // NOLINT(bugprone-empty-catch): it is closed all the same
    }
    abort();
  }
  // Below TLS, which does not hear of it.
  void close_below() noexcept {
    if (kind_ == kind::other)
      other_.close();
    else
      socket().close();
  }

 private:
  enum class kind : std::uint8_t { plain, secure, other };

  plain_stream plain_;
  tls_stream tls_;
  net::any_stream other_;
  kind kind_ = kind::plain;
};

}  // namespace rondo::http::detail
