#include <rondo/runtime/frame_pool.hpp>

#include <array>
#include <new>
#include <utility>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define RONDO_NO_RECYCLING 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RONDO_NO_RECYCLING 1
#endif

namespace rondo::detail {
namespace {

constexpr std::size_t class_width = 64;
constexpr std::size_t class_count = 32;  // up to 2 KiB; larger frames are rare and go to the heap
[[maybe_unused]] constexpr std::size_t class_bytes = 256 * 1024;

struct free_block {
  free_block* next;
};

// Constant-initialised and trivially destroyed, so that reaching it costs one instruction; `cleaner` below
// is what empties it when the thread ends.
struct thread_pool_state {
  std::array<free_block*, class_count> free{};
  std::array<std::uint32_t, class_count> kept{};
  std::int64_t alive = 0;
  std::uint64_t from_heap = 0;
  bool closed = false;
};
constinit thread_local thread_pool_state pool;

void free_block_memory(void* block) noexcept { ::operator delete(block, std::align_val_t{frame_alignment}); }

struct pool_cleaner {
  pool_cleaner() = default;
  pool_cleaner(const pool_cleaner&) = delete;
  pool_cleaner& operator=(const pool_cleaner&) = delete;
  ~pool_cleaner() {
    pool.closed = true;
    for (free_block*& list : pool.free)
      while (list) free_block_memory(std::exchange(list, list->next));
  }
  void touch() noexcept {}
};
thread_local pool_cleaner cleaner;

constexpr std::size_t class_of(std::size_t size) noexcept { return (size + class_width - 1) / class_width - 1; }

}  // namespace

void* allocate_frame(std::size_t size) {
  const std::size_t c = class_of(size);
  if (c < class_count) {
    if (free_block* block = pool.free[c]) {
      pool.free[c] = block->next;
      --pool.kept[c];
      ++pool.alive;
      return block;
    }
    size = (c + 1) * class_width;
  }
  void* block = ::operator new(size, std::align_val_t{frame_alignment});
  ++pool.alive;
  ++pool.from_heap;
  return block;
}

void release_frame(void* block, std::size_t size) noexcept {
  --pool.alive;
#ifndef RONDO_NO_RECYCLING
  const std::size_t c = class_of(size);
  if (c < class_count && !pool.closed && pool.kept[c] * (c + 1) * class_width < class_bytes) {
    if (pool.kept[c] == 0) cleaner.touch();  // registers its destructor with this thread
    auto* free = static_cast<free_block*>(block);
    free->next = pool.free[c];
    pool.free[c] = free;
    ++pool.kept[c];
    return;
  }
#else
  (void)size;
#endif
  free_block_memory(block);
}

std::int64_t frames_alive() noexcept { return pool.alive; }
std::uint64_t frames_from_heap() noexcept { return pool.from_heap; }

}  // namespace rondo::detail
