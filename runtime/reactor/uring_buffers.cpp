#include <rondo/runtime/reactor/uring_buffers.hpp>

#include <liburing.h>
#include <sys/mman.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>

namespace rondo::detail {
namespace {

constexpr unsigned at_first = 64;
constexpr std::size_t ring_bytes = uring_buffers::most * sizeof(io_uring_buf);
constexpr std::size_t memory_bytes = uring_buffers::most * uring_buffers::buffer_size;

void* map(std::size_t bytes) noexcept {
  // Pages come when they are first written to.
  void* p = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
  return p == MAP_FAILED ? nullptr : p;
}

}  // namespace

uring_buffers::~uring_buffers() {
  if (ring_) ::munmap(ring_, ring_bytes);
  if (memory_) ::munmap(memory_, memory_bytes);
}

int uring_buffers::open(io_uring& ring) noexcept {
  void* entries = map(ring_bytes);
  void* memory = map(memory_bytes);
  int r = entries && memory ? 0 : -ENOMEM;
  if (r == 0) {
    io_uring_buf_reg reg{};
    reg.ring_addr = reinterpret_cast<std::uintptr_t>(entries);
    reg.ring_entries = most;
    reg.bgid = group;
    r = io_uring_register_buf_ring(&ring, &reg, 0);
  }
  if (r != 0) {
    if (entries) ::munmap(entries, ring_bytes);
    if (memory) ::munmap(memory, memory_bytes);
    return r;
  }
  ring_ = static_cast<io_uring_buf_ring*>(entries);
  memory_ = static_cast<std::byte*>(memory);
  io_uring_buf_ring_init(ring_);
  grow();
  return 0;
}

bool uring_buffers::grow() noexcept {
  if (in_use_ == most) return false;
  const unsigned wanted = std::min(in_use_ == 0 ? at_first : in_use_ * 2, most);
  while (in_use_ < wanted) give(static_cast<std::uint16_t>(in_use_++));
  return true;
}

void uring_buffers::give(std::uint16_t id) noexcept {
  assert(id < in_use_ && "only what the kernel was lent is given back to it");
  io_uring_buf_ring_add(ring_, at(id), buffer_size, id, io_uring_buf_ring_mask(most), 0);
  io_uring_buf_ring_advance(ring_, 1);
}

void uring_buffers::append(received_queue& q, std::uint16_t id, std::uint32_t n) noexcept {
  parts_[id] = {received_queue::none, 0, static_cast<std::uint16_t>(n)};
  (q.empty() ? q.first : parts_[q.last].next) = id;
  q.last = id;
  ++q.count;
}

std::uint16_t uring_buffers::pop(received_queue& q) noexcept {
  assert(!q.empty());
  const std::uint16_t id = q.first;
  q.first = parts_[id].next;
  --q.count;
  return id;
}

std::size_t uring_buffers::take(received_queue& q, std::span<const iovec> into,
                                bool peek) noexcept {
  std::size_t total = 0;
  std::size_t filled = 0;  // of into.front()
  std::uint16_t id = q.first;
  for (std::uint16_t left = q.count; left > 0 && !into.empty();) {
    part& p = parts_[id];
    std::uint16_t begin = p.begin;
    while (begin < p.end && !into.empty()) {
      const std::size_t n = std::min<std::size_t>(p.end - begin, into.front().iov_len - filled);
      if (n > 0)
        std::memcpy(static_cast<std::byte*>(into.front().iov_base) + filled, at(id) + begin, n);
      begin = static_cast<std::uint16_t>(begin + n);
      total += n;
      filled += n;
      if (filled == into.front().iov_len) {
        into = into.subspan(1);
        filled = 0;
      }
    }
    if (!peek) p.begin = begin;
    if (begin < p.end) break;
    const std::uint16_t next = p.next;
    if (!peek) give(pop(q));
    id = next;
    --left;
  }
  return total;
}

std::byte* uring_buffers::lend(received_queue& q, std::uint32_t& n) noexcept {
  const std::uint16_t id = pop(q);
  n = parts_[id].end - parts_[id].begin;
  return at(id) + parts_[id].begin;
}

void uring_buffers::drop(received_queue& q) noexcept {
  while (!q.empty()) give(pop(q));
}

}  // namespace rondo::detail
