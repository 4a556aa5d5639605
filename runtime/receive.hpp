// receive: waits until bytes are there and lends the buffer that holds them.
//
//   received_bytes piece = co_await stream.receive();   // empty at the end of the stream
//   parse(piece.bytes());                               // until `piece` goes
//
// A task that waits in read_some holds a buffer meanwhile; one that waits here holds none, so that
// ten thousand idle connections need no buffers at all. On io_uring the kernel itself chooses the
// buffer when bytes come.
#pragma once

#include <rondo/runtime/io.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace rondo {

// What came, in a buffer of the loop. Movable. Must go before the loop does; keep it short, and on
// the loop's thread.
class received_bytes {
 public:
  received_bytes() noexcept = default;
  received_bytes(void* buffer, std::size_t n, std::uint64_t loop_id) noexcept
      : buffer_(buffer), size_(n), loop_id_(loop_id) {}
  received_bytes(received_bytes&& other) noexcept
      : buffer_(std::exchange(other.buffer_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        loop_id_(other.loop_id_) {}
  received_bytes& operator=(received_bytes&& other) noexcept {
    if (this != &other) {
      give_back();
      buffer_ = std::exchange(other.buffer_, nullptr);
      size_ = std::exchange(other.size_, 0);
      loop_id_ = other.loop_id_;
    }
    return *this;
  }
  ~received_bytes() { give_back(); }

  // 0: the end of the stream.
  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }
  // May be written to.
  std::span<std::byte> bytes() const noexcept { return {static_cast<std::byte*>(buffer_), size_}; }
  // For the library: the buffer is the caller's to give back.
  std::byte* release() noexcept {
    size_ = 0;
    return static_cast<std::byte*>(std::exchange(buffer_, nullptr));
  }
  // At once; empty from then on.
  void give_back() noexcept {
    void* buffer = std::exchange(buffer_, nullptr);
    size_ = 0;
    const detail::loop_core* running = detail::this_thread.running_loop;
    if (buffer && running && running->id() == loop_id_) detail::this_core().io().give_back(buffer);
  }

 private:
  void* buffer_ = nullptr;
  std::size_t size_ = 0;
  std::uint64_t loop_id_ = 0;
};

namespace detail {

// Completes with what came, or nothing at the end. Cancelled: no byte is lost.
class [[nodiscard("without co_await nothing happens"), gnu::warn_unused]] receive_wait final
    : public io_wait {
 public:
  explicit receive_wait(descriptor d) noexcept : io_wait(d, io_call::recv_lent()) {}
  received_bytes await_resume() {
    if (result < 0) throw_io_error(result, "receive");
    return take();
  }
  outcome<received_bytes> take_outcome() noexcept {
    if (result < 0) return io_outcome<received_bytes>(result, "receive");
    return outcome<received_bytes>(std::in_place, take());
  }
  // Woken with a buffer and never resumed: it goes back.
  receive_wait(receive_wait&&) noexcept = default;
  receive_wait& operator=(receive_wait&&) = delete;
  ~receive_wait() {
    if (result >= 0 && buffer()) take();
  }

 private:
  received_bytes take() noexcept {
    return {take_lent(), static_cast<std::size_t>(result), this_core().id()};
  }
};

}  // namespace detail
}  // namespace rondo
