// Byte streams: the concept, and the awaitables of a stream socket.
#pragma once

#include <rondo/net/socket.hpp>
#include <rondo/runtime/io.hpp>
#include <rondo/runtime/receive.hpp>

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace rondo::net {

// What buffered_reader, TLS and HTTP stand on. read_some gives 0 at the end of the stream; an empty
// span gives 0 too. One reader and one writer at a time; a second fails with io_errc::busy.
template <class S>
concept byte_stream = requires(S& s, std::span<std::byte> in, std::span<const std::byte> out) {
  { s.read_some(in) } -> rondo::detail::awaitable;
  { s.write_some(out) } -> rondo::detail::awaitable;
  { s.write_all(out) } -> rondo::detail::awaitable;
  { s.shutdown_write() } -> rondo::detail::awaitable;
  { s.close() } noexcept;
};

// Several pieces in one place: a vector, an array or a span of std::span<const std::byte>.
template <class P>
concept byte_pieces = std::convertible_to<const P&, std::span<const std::span<const std::byte>>>;

// How far a peer has gone.
enum class hang_up : std::uint8_t {
  half,  // it sends nothing more: it has closed, or shut down that direction; which, TCP cannot say
  full,  // nothing can reach it: a reset, a time-out, both directions shut down; a closed Unix peer
};

namespace detail {

using rondo::detail::descriptor;
using rondo::detail::direction;
using rondo::detail::io_call;
using rondo::detail::io_outcome;
using rondo::detail::io_wait;
using rondo::detail::job;
using rondo::detail::operation_kind;

// One operation takes at most this many bytes, so that counts fit.
inline constexpr std::size_t largest_transfer = std::size_t{1} << 30;

// Text is converted where one sees it: its bytes are not always what the other side wants.
template <class Text>
consteval void refuse_text() {
  static_assert(!std::is_same_v<Text, Text>, "what is written is bytes: bytes_of(text)");
}

inline std::uint32_t transfer_size(std::size_t n) noexcept {
  return static_cast<std::uint32_t>(n < largest_transfer ? n : largest_transfer);
}

// Completes with a count of bytes. Keeps the caller's buffer until then.
class transfer_wait : public io_wait {
 public:
  std::size_t await_resume() const {
    if (result < 0) rondo::detail::throw_io_error(result, what());
    return static_cast<std::size_t>(result);
  }
  outcome<std::size_t> take_outcome() const noexcept {
    if (result < 0) return io_outcome<std::size_t>(result, what());
    return outcome<std::size_t>(std::in_place, static_cast<std::size_t>(result));
  }

 protected:
  using io_wait::io_wait;
  ~transfer_wait() = default;

 private:
  const char* what() const noexcept { return kind() == operation_kind::recv ? "read" : "write"; }
};

class [[nodiscard("without co_await nothing happens"), gnu::warn_unused]] read_wait final
    : public transfer_wait {
 public:
  read_wait(descriptor d, std::span<std::byte> buffer) noexcept
      : transfer_wait(d, io_call::recv(buffer.data(), transfer_size(buffer.size()))) {}
  bool begin(job& j) noexcept override {
    if (size() == 0) return true;  // 0 bytes; not a wait
    return io_wait::begin(j);
  }
};

class [[nodiscard("without co_await nothing happens"), gnu::warn_unused]] write_some_wait final
    : public transfer_wait {
 public:
  write_some_wait(descriptor d, std::span<const std::byte> bytes) noexcept
      : transfer_wait(d, io_call::send(bytes.data(), transfer_size(bytes.size()))) {}
  bool begin(job& j) noexcept override {
    if (size() == 0) return true;
    return io_wait::begin(j);
  }
};

// Sends again until everything has gone. Cancelled on its way it cannot know how much did, so the
// write side is broken from then on: later writes fail with io_errc::write_broken.
class [[nodiscard("without co_await nothing happens"), gnu::warn_unused]] write_all_wait final
    : public io_wait {
 public:
  write_all_wait(descriptor d, std::span<const std::byte> bytes) noexcept
      : io_wait(d, io_call::send(bytes.data(), transfer_size(bytes.size()))), left_(bytes) {}
  bool begin(job& j) noexcept override {
    if (left_.empty()) return true;
    return io_wait::begin(j);
  }
  void await_resume() const {
    if (result < 0) rondo::detail::throw_io_error(result, "write");
  }
  outcome<void> take_outcome() const noexcept {
    if (result < 0) return io_outcome<void>(result, "write");
    return outcome<void>(std::in_place);
  }

 private:
  bool settle() noexcept override {
    if (result < 0) return true;
    left_ = left_.subspan(static_cast<std::size_t>(result));
    set_bytes(left_.data(), transfer_size(left_.size()));
    return left_.empty();
  }
  void withdrawn() noexcept override { rondo::detail::this_core().io().break_writes(target); }

  std::span<const std::byte> left_;
};

// The same for several pieces, which go out together: one system call moves up to `pieces_at_once`.
class [[nodiscard("without co_await nothing happens"), gnu::warn_unused]] write_pieces_wait final
    : public io_wait {
 public:
  static constexpr std::size_t pieces_at_once = 16;

  write_pieces_wait(descriptor d, std::span<const std::span<const std::byte>> pieces) noexcept
      : io_wait(d, io_call::sendmsg(nullptr, 0)), pieces_(pieces) {}
  bool begin(job& j) noexcept override;
  void await_resume() const {
    if (result < 0) rondo::detail::throw_io_error(result, "write");
  }
  outcome<void> take_outcome() const noexcept {
    if (result < 0) return io_outcome<void>(result, "write");
    return outcome<void>(std::in_place);
  }

 private:
  bool settle() noexcept override;
  void withdrawn() noexcept override { rondo::detail::this_core().io().break_writes(target); }
  // False: nothing is left.
  bool next_pieces() noexcept;

  std::span<const std::span<const std::byte>> pieces_;
  std::size_t gone_ = 0;  // of the first of them
  msghdr header_{};
  std::array<iovec, pieces_at_once> parts_{};
};

// Completes with how far the peer has gone.
class [[nodiscard("without co_await nothing happens"), gnu::warn_unused]] gone_wait final
    : public io_wait {
 public:
  gone_wait(descriptor d, hang_up least) noexcept;
  void describe(rondo::detail::wait_visitor& v) const override {
    v.waits_for("the peer to be gone", target.fd);
  }
  hang_up await_resume() const {
    if (result < 0) rondo::detail::throw_io_error(result, "gone");
    return seen();
  }
  outcome<hang_up> take_outcome() const noexcept {
    if (result < 0) return io_outcome<hang_up>(result, "gone");
    return outcome<hang_up>(std::in_place, seen());
  }

 private:
  hang_up seen() const noexcept;
};

// Half-closes: the peer reads the end of the stream after what was written. Does not wait, but is a
// cancellation point.
class [[nodiscard("without co_await nothing happens")]] shutdown_wait final
    : public rondo::detail::wait_base {
 public:
  explicit shutdown_wait(socket& s) noexcept : socket_(&s) {}
  bool begin(job& j) noexcept override;
  void cancel(job&) noexcept override {}
  void await_resume() const {
    if (result_ < 0) rondo::detail::throw_io_error(result_, "shutdown");
  }

 private:
  socket* socket_;
  int result_ = 0;
};

}  // namespace detail

// What TCP and Unix streams have in common.
class stream_socket : public socket_facade {
 public:
  // Completes with at least one byte, or 0 at the end of the stream. Throws std::system_error:
  // ECONNRESET, ETIMEDOUT, io_errc::closed, io_errc::busy, … Cancelled: no byte is lost, the buffer
  // is the caller's again.
  detail::read_wait read_some(std::span<std::byte> buffer) noexcept {
    return {socket_.get(), buffer};
  }
  // Completes with what is there, in a buffer that the loop lends; empty at the end of the stream.
  // While it waits it holds no buffer. Throws and is cancelled as read_some.
  rondo::detail::receive_wait receive() noexcept {
    return rondo::detail::receive_wait(socket_.get());
  }
  // Completes with how many bytes went, at least one. Throws as read_some, and EPIPE. Cancelled:
  // nothing went.
  detail::write_some_wait write_some(std::span<const std::byte> bytes) noexcept {
    return {socket_.get(), bytes};
  }
  // Completes when everything has gone to the kernel. Cancelled: the write side is broken.
  detail::write_all_wait write_all(std::span<const std::byte> bytes) noexcept {
    return {socket_.get(), bytes};
  }
  // The same for several pieces in their order: a head and a body, without copying them together.
  // The spans, and what they point to, stay until it completes. Throws and is cancelled likewise.
  template <byte_pieces P>
  detail::write_pieces_wait write_all(const P& pieces) noexcept {
    return {socket_.get(), pieces};
  }
  template <std::convertible_to<std::string_view> Text>
  rondo::detail::refused write_some(const Text&) {
    detail::refuse_text<Text>();
    return {};
  }
  template <std::convertible_to<std::string_view> Text>
  rondo::detail::refused write_all(const Text&) {
    detail::refuse_text<Text>();
    return {};
  }
  // The peer reads the end of the stream after what was written. Throws std::system_error. Does not
  // wait, but is a cancellation point.
  detail::shutdown_wait shutdown_write() noexcept { return detail::shutdown_wait(socket_); }
  // Completes when the peer has gone, beside any reader and writer: whatever has come stays to be
  // read. With `full` the end of what it sends is not enough. At once if it has gone already. A
  // second waiter fails with io_errc::busy; closed under it: io_errc::closed. Cancelled: stops
  // waiting, nothing else changes. A peer that vanishes without a word (a cable, a power cut) is
  // not seen by waiting: only writes and keep-alive find that out (tcp(7), SO_KEEPALIVE).
  detail::gone_wait gone(hang_up least = hang_up::half) noexcept { return {socket_.get(), least}; }

  // Throws std::system_error.
  endpoint remote_endpoint() const { return socket_.remote_endpoint(); }
  // True when a read would not wait: data, the end, or an error, whatever has come until now. One
  // system call; on io_uring usually none, once small messages have been read.
  bool readable_now() const noexcept { return socket_.readable_now(); }
  // Sends what fits without waiting, while no other write is under way: how many bytes went.
  std::size_t try_write(std::span<const std::byte> bytes) noexcept {
    return socket_.send_now(bytes);
  }

 protected:
  stream_socket() = default;
  explicit stream_socket(socket s) noexcept : socket_facade(std::move(s)) {}
  stream_socket(stream_socket&&) = default;
  stream_socket& operator=(stream_socket&&) = default;
  ~stream_socket() = default;
};

inline std::span<const std::byte> bytes_of(std::string_view text) noexcept {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace rondo::net
