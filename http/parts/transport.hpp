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
#include <rondo/runtime/outcome.hpp>
#include <rondo/runtime/receive.hpp>

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <memory>
#include <span>
#include <system_error>
#include <utility>
#include <variant>

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

// as_result(s.receive()), made in the place in which it waits: the call would have left a second
// one of its 80 bytes in the frame.
class [[nodiscard("without co_await nothing happens")]] receive_result
    : public rondo::detail::awaitable_tag {
 public:
  explicit receive_result(plain_stream& s) noexcept : wait_(s.receive()) {}
  bool await_ready() const noexcept { return wait_.await_ready(); }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> h) noexcept {
    return wait_.await_suspend(h);
  }
  outcome<received_bytes> await_resume() noexcept { return wait_.take_outcome(); }

 private:
  rondo::detail::receive_wait wait_;
};

// Closed, and stays so: for those who have none.
inline thread_local plain_stream no_socket;

class transport {
 public:
  transport(plain_stream s) noexcept : stream_(std::move(s)) {}
  transport(tls_stream s) noexcept : stream_(std::move(s)) {}
  transport(net::any_stream s) noexcept : stream_(std::move(s)) {}

  // What `fn` gives for the stream, a plain_stream&, a tls_stream& or an any_stream&: the same type
  // for all.
  template <class Fn>
  auto with(Fn fn) {
    if (auto* const plain = std::get_if<plain_stream>(&stream_)) return fn(*plain);
    if (auto* const tls = std::get_if<tls_stream>(&stream_)) return fn(*tls);
    return fn(*std::get_if<net::any_stream>(&stream_));
  }
  template <class Fn>
  auto with(Fn fn) const {
    if (auto* const plain = std::get_if<plain_stream>(&stream_)) return fn(*plain);
    if (auto* const tls = std::get_if<tls_stream>(&stream_)) return fn(*tls);
    return fn(*std::get_if<net::any_stream>(&stream_));
  }

  // The stream itself, or the one below TLS; a closed one for a stream of another kind.
  plain_stream& socket() noexcept {
    if (auto* const plain = std::get_if<plain_stream>(&stream_)) return *plain;
    tls_stream* const tls = secure();
    return tls ? tls->transport() : no_socket;
  }
  bool is_plain() const noexcept { return std::holds_alternative<plain_stream>(stream_); }
  // TLS itself; nullptr where there is none.
  tls_stream* secure() noexcept { return std::get_if<tls_stream>(&stream_); }
  const tls_stream* secure() const noexcept { return std::get_if<tls_stream>(&stream_); }
  // Throws std::system_error. 0.0.0.0:0 for a stream of another kind that has none.
  net::endpoint remote_endpoint() {
    return other() ? other()->remote_endpoint() : socket().remote_endpoint();
  }
  // A stream of another kind; nullptr where it is none.
  net::any_stream* other() noexcept { return std::get_if<net::any_stream>(&stream_); }
  // Sends what fits without waiting, while no other write is under way: how many bytes went.
  std::size_t try_write(std::span<const std::byte> bytes) noexcept {
    return with([bytes](auto& s) noexcept { return s.try_write(bytes); });
  }
  // True when a read would not wait: data, the end, or an error.
  bool readable_now() const noexcept {
    return with([](const auto& s) noexcept { return s.readable_now(); });
  }
  // Over TLS: records that the socket has not taken yet wait for the next write.
  bool owes() const noexcept { return secure() && secure()->owes(); }
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
      if (!other()) socket().set(net::options::linger(std::chrono::seconds(0)));
    } catch (const std::system_error&) {  // NOLINT(bugprone-empty-catch): it is closed all the same
    }
    abort();
  }
  // Below TLS, which does not hear of it.
  void close_below() noexcept {
    if (other())
      other()->close();
    else
      socket().close();
  }

 private:
  std::variant<plain_stream, tls_stream, net::any_stream> stream_;
};

}  // namespace rondo::http::detail
