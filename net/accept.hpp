// Taking connections: what TCP and Unix listeners have in common.
#pragma once

#include <rondo/net/stream.hpp>
#include <rondo/runtime/io.hpp>

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

namespace rondo::net {

namespace detail {

template <class Stream>
class [[nodiscard("without co_await nothing happens"), gnu::warn_unused]] accept_wait final
    : public io_wait {
 public:
  explicit accept_wait(descriptor d) noexcept : io_wait(d, io_call::accept()) {}
  Stream await_resume() {
    if (result < 0) rondo::detail::throw_io_error(result, "accept");
    return Stream(socket(result, Stream::transfer_style));
  }
  outcome<Stream> take_outcome() {
    if (result < 0) return io_outcome<Stream>(result, "accept");
    try {
      return outcome<Stream>(std::in_place, await_resume());
    } catch (...) {
      return outcome<Stream>(std::current_exception());
    }
  }
};

}  // namespace detail

// A socket that listens, and gives connections as streams of one type.
template <class Stream>
class stream_listener : public socket_facade {
 public:
  using stream_type = Stream;

  // Completes with the next connection. Throws std::system_error: EMFILE, io_errc::closed, …
  // Cancelled: no connection is lost.
  detail::accept_wait<Stream> accept() noexcept {
    return detail::accept_wait<Stream>(socket_.get());
  }

 protected:
  stream_listener() = default;
  explicit stream_listener(socket s) noexcept : socket_facade(std::move(s)) {}
  stream_listener(stream_listener&&) = default;
  stream_listener& operator=(stream_listener&&) = default;
  ~stream_listener() = default;
};

// What serve() takes: accept() is awaited and gives a stream, close() ends it at once.
template <class L>
concept listener = std::move_constructible<L> && requires(L& l) {
  { l.accept() } -> rondo::detail::awaitable;
  { l.close() } noexcept;
};
namespace detail {

// Before it is closed: how many connections must be accepted for none to be lost that it has taken.
template <class L>
std::size_t leave_connections(L& l) noexcept {
  if constexpr (requires { l.native().get(); })
    return rondo::detail::this_core().io().leave_connections(l.native().get());
  else
    return 0;
}

}  // namespace detail

template <listener L>
using accepted_t = rondo::detail::awaited_t<decltype(std::declval<L&>().accept())>;

}  // namespace rondo::net
