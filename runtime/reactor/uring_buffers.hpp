// The buffers that io_uring receives into: lent to the kernel by a ring that both sides see, given
// back one by one with their number in a completion (io_uring_register_buf_ring(3)).
//
// The kernel takes them in turn, and so goes round through all the memory that it was lent. It is
// lent few at first, which stay in the caches, and twice as many each time it runs out.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

struct io_uring;
struct io_uring_buf_ring;

namespace rondo::detail {

// What one socket has received and nobody has asked for yet.
struct received_queue {
  static constexpr std::uint16_t none = 0xffff;
  bool empty() const noexcept { return count == 0; }
  std::uint16_t first = none;
  std::uint16_t last = none;
  std::uint16_t count = 0;  // of buffers
};

class uring_buffers {
 public:
  static constexpr std::size_t buffer_size = 2048;
  static constexpr unsigned most = 1024;
  static constexpr int group = 1;

  uring_buffers() = default;
  uring_buffers(const uring_buffers&) = delete;
  uring_buffers& operator=(const uring_buffers&) = delete;
  // After the ring has gone.
  ~uring_buffers();

  // 0 or a negative errno: no memory, or a kernel before 5.19.
  int open(io_uring& ring) noexcept;
  bool is_open() const noexcept { return ring_ != nullptr; }
  // After the kernel ran out. False: it has all there are.
  bool grow() noexcept;
  // Back to the kernel.
  void give(std::uint16_t id) noexcept;

  // `n` bytes have come in a buffer.
  void append(received_queue& q, std::uint16_t id, std::uint32_t n) noexcept;
  // Copies what there is, as much as fits, and gives back the buffers that are empty then. With
  // `peek` it only copies.
  std::size_t take(received_queue& q, std::span<const iovec> into, bool peek) noexcept;
  // Takes the first buffer out as it is, with `n` bytes; the reader keeps it until give().
  std::byte* lend(received_queue& q, std::uint32_t& n) noexcept;
  // Gives everything back unread.
  void drop(received_queue& q) noexcept;

  bool owns(const void* p) const noexcept {
    const auto* b = static_cast<const std::byte*>(p);
    return memory_ && b >= memory_ && b < memory_ + most * buffer_size;
  }
  // Of the buffer that `p` points into.
  std::uint16_t id_of(const void* p) const noexcept {
    return static_cast<std::uint16_t>(
        static_cast<std::size_t>(static_cast<const std::byte*>(p) - memory_) / buffer_size);
  }

 private:
  struct part {  // of a buffer: what has not been taken
    std::uint16_t next = received_queue::none;
    std::uint16_t begin = 0;
    std::uint16_t end = 0;
  };

  std::byte* at(std::uint16_t id) const noexcept { return memory_ + id * buffer_size; }
  std::uint16_t pop(received_queue& q) noexcept;

  io_uring_buf_ring* ring_ = nullptr;
  std::byte* memory_ = nullptr;
  std::array<part, most> parts_{};
  unsigned in_use_ = 0;  // have been lent to the kernel at least once
};

}  // namespace rondo::detail
