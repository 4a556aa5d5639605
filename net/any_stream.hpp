// any_stream: a byte stream of any kind behind one type. With it your own code can take TCP, Unix
// sockets and TLS alike without being a template; Rondo's own code has no need of it.
//
//   any_stream s(co_await tcp_stream::connect("example.org", 80));
//   co_await s.write_all(bytes_of("hello"));
//   if (tcp_stream* tcp = s.get_if<tcp_stream>()) …
//
// A call costs a virtual call and, where the stream's own call is not a task already, one coroutine
// frame.
#pragma once

#include <rondo/net/stream.hpp>
#include <rondo/runtime/core/type_mark.hpp>
#include <rondo/runtime/task.hpp>

#include <memory>
#include <system_error>
#include <type_traits>
#include <utility>

namespace rondo::net {

namespace detail {

class erased_stream {
 public:
  erased_stream() = default;
  erased_stream(const erased_stream&) = delete;
  erased_stream& operator=(const erased_stream&) = delete;
  virtual ~erased_stream() = default;

  virtual task<std::size_t> read_some(std::span<std::byte> buffer) = 0;
  virtual task<std::size_t> write_some(std::span<const std::byte> bytes) = 0;
  virtual task<> write_all(std::span<const std::byte> bytes) = 0;
  virtual task<> write_pieces(std::span<const std::span<const std::byte>> pieces) = 0;
  virtual task<> shutdown_write() = 0;
  virtual task<hang_up> gone(hang_up least) = 0;
  virtual std::size_t try_write(std::span<const std::byte> bytes) noexcept = 0;
  virtual void close() noexcept = 0;
  virtual void abort() noexcept = 0;
  virtual bool is_open() const noexcept = 0;
  virtual bool readable_now() const noexcept = 0;
  virtual endpoint local_endpoint() const = 0;
  virtual endpoint remote_endpoint() const = 0;
  virtual void* get_if(const void* type) noexcept = 0;
};

template <class S>
class held_stream final : public erased_stream {
 public:
  explicit held_stream(S&& s) : stream_(std::move(s)) {}

  task<std::size_t> read_some(std::span<std::byte> buffer) override {
    return rondo::detail::to_task(stream_.read_some(buffer));
  }
  task<std::size_t> write_some(std::span<const std::byte> bytes) override {
    return rondo::detail::to_task(stream_.write_some(bytes));
  }
  task<> write_all(std::span<const std::byte> bytes) override {
    return rondo::detail::to_task(stream_.write_all(bytes));
  }
  task<> write_pieces(std::span<const std::span<const std::byte>> pieces) override {
    if constexpr (requires { stream_.write_all(pieces); })
      return rondo::detail::to_task(stream_.write_all(pieces));
    else
      return write_each(stream_, pieces);
  }
  task<> shutdown_write() override { return rondo::detail::to_task(stream_.shutdown_write()); }
  task<hang_up> gone(hang_up least) override {
    if constexpr (requires { stream_.gone(least); })
      return rondo::detail::to_task(stream_.gone(least));
    else
      return cannot_tell();
  }
  std::size_t try_write([[maybe_unused]] std::span<const std::byte> bytes) noexcept override {
    if constexpr (requires { stream_.try_write(bytes); })
      return stream_.try_write(bytes);
    else
      return 0;
  }
  void close() noexcept override {
    open_ = false;
    stream_.close();
  }
  void abort() noexcept override {
    open_ = false;
    if constexpr (requires { stream_.abort(); })
      stream_.abort();
    else
      stream_.close();
  }
  bool is_open() const noexcept override {
    if constexpr (requires { stream_.is_open(); })
      return stream_.is_open();
    else
      return open_;
  }
  bool readable_now() const noexcept override {
    if constexpr (requires { stream_.readable_now(); })
      return stream_.readable_now();
    else
      return !open_;
  }
  endpoint local_endpoint() const override {
    if constexpr (requires { stream_.local_endpoint(); })
      return stream_.local_endpoint();
    else
      return {};
  }
  endpoint remote_endpoint() const override {
    if constexpr (requires { stream_.remote_endpoint(); })
      return stream_.remote_endpoint();
    else
      return {};
  }
  void* get_if(const void* type) noexcept override {
    return type == &rondo::detail::type_mark<S> ? &stream_ : nullptr;
  }

 private:
  static task<hang_up> cannot_tell() {
    throw std::system_error(std::make_error_code(std::errc::operation_not_supported), "gone");
    co_return hang_up::half;
  }
  static task<> write_each(S& stream, std::span<const std::span<const std::byte>> pieces) {
    for (const std::span<const std::byte> piece : pieces) co_await stream.write_all(piece);
  }

  S stream_;
  bool open_ = true;
};

}  // namespace detail

// Movable. What is in flight on it goes on when it is moved. Destroyed: the stream is destroyed.
class any_stream {
 public:
  // Closed from the start, to be assigned to.
  any_stream() noexcept = default;
  // Takes the stream over. Throws std::bad_alloc.
  template <byte_stream S>
    requires(!std::is_same_v<S, any_stream> && std::is_move_constructible_v<S>)
  explicit any_stream(S s) : held_(std::make_unique<detail::held_stream<S>>(std::move(s))) {}

  // As the stream's own: what they throw, and what a cancellation leaves behind. On an any_stream
  // that holds nothing they fail with io_errc::closed.
  task<std::size_t> read_some(std::span<std::byte> buffer) {
    return held_ ? held_->read_some(buffer) : nothing_there("read");
  }
  task<std::size_t> write_some(std::span<const std::byte> bytes) {
    return held_ ? held_->write_some(bytes) : nothing_there("write");
  }
  task<> write_all(std::span<const std::byte> bytes) {
    return held_ ? held_->write_all(bytes) : nothing_there_at_all("write");
  }
  // Together where the stream can (sockets), else one after the other. Throws and is cancelled as
  // the stream's own.
  template <byte_pieces P>
  task<> write_all(const P& pieces) {
    return held_ ? held_->write_pieces(pieces) : nothing_there_at_all("write");
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
  // Throws and is cancelled as the stream's own.
  task<> shutdown_write() {
    return held_ ? held_->shutdown_write() : nothing_there_at_all("shutdown");
  }
  // A stream that cannot tell: throws std::errc::operation_not_supported. Cancelled as the stream's
  // own.
  task<hang_up> gone(hang_up least = hang_up::half) {
    return held_ ? held_->gone(least) : nothing_there<hang_up>("gone");
  }
  void close() noexcept {
    if (held_) held_->close();
  }
  // At once, and as an error where the stream can say so (TLS: without its last word); else as
  // close().
  void abort() noexcept {
    if (held_) held_->abort();
  }
  bool is_open() const noexcept { return held_ && held_->is_open(); }
  // Sends what fits without waiting, while no other write is under way: how many bytes went. A
  // stream that cannot takes none.
  std::size_t try_write(std::span<const std::byte> bytes) noexcept {
    return held_ ? held_->try_write(bytes) : 0;
  }
  // True when a read would not wait. A stream that cannot tell says false while it is open.
  bool readable_now() const noexcept { return !held_ || held_->readable_now(); }
  // 0.0.0.0:0 for a stream that has none.
  endpoint local_endpoint() const { return held_ ? held_->local_endpoint() : endpoint(); }
  endpoint remote_endpoint() const { return held_ ? held_->remote_endpoint() : endpoint(); }

  // The stream itself, if it is an S.
  template <class S>
  S* get_if() noexcept {
    return held_ ? static_cast<S*>(held_->get_if(&rondo::detail::type_mark<S>)) : nullptr;
  }

 private:
  template <class T = std::size_t>
  static task<T> nothing_there(const char* what) {
    rondo::detail::throw_io_error(rondo::detail::result_closed, what);
    co_return T();
  }
  static task<> nothing_there_at_all(const char* what) { co_await nothing_there(what); }

  std::unique_ptr<detail::erased_stream> held_;
};

static_assert(byte_stream<any_stream>);

}  // namespace rondo::net
