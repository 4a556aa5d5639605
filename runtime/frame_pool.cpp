#include <rondo/runtime/frame_pool.hpp>

#include <array>
#include <mutex>
#include <new>
#include <utility>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define RONDO_NO_RECYCLING 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RONDO_NO_RECYCLING 1
#endif

namespace rondo::detail {
namespace {

#ifdef RONDO_NO_RECYCLING
constexpr bool recycling = false;
#else
constexpr bool recycling = true;
#endif

constexpr std::size_t class_width = 64;
constexpr std::size_t class_count = 32;  // up to 2 KiB; larger frames are rare and go to the heap
constexpr std::size_t chunk_bytes = std::size_t{256} * 1024;

struct free_block {
  free_block* next;
};
// The unused part of a chunk.
struct free_range {
  free_range* next;
  std::byte* end;
};
using free_lists = std::array<free_block*, class_count>;

// Constant-initialised and trivially destroyed, so that reaching it costs one instruction; `farewell` below
// is what empties it when the thread ends.
struct thread_pool_state {
  free_lists free{};
  std::byte* fresh = nullptr;  // what is left of the latest chunk
  std::byte* fresh_end = nullptr;
  std::int64_t alive = 0;
  std::uint64_t from_heap = 0;
  bool ending = false;
  bool alone = false;  // see take_each_frame_from_heap
};
constinit thread_local thread_pool_state pool;

// What threads that have ended left behind. Never destroyed: a thread may outlive main.
struct legacy {
  std::mutex mutex;
  free_lists free{};
  free_range* ranges = nullptr;  // each larger than the largest class
  bool any = false;              // … in `free`

  static legacy& get() {
    static auto* const l = new legacy;
    return *l;
  }
};

void leave_to_others(std::size_t c, free_block* list) noexcept {
  if (!list) return;
  legacy& l = legacy::get();
  const std::scoped_lock lock(l.mutex);
  free_block* last = list;
  while (last->next) last = last->next;
  last->next = l.free[c];
  l.free[c] = list;
  l.any = true;
}

// The part of a chunk that has room for no more than one block becomes that block.
void make_block_of_rest() noexcept {
  if (pool.fresh == pool.fresh_end) return;
  const std::size_t c = static_cast<std::size_t>(pool.fresh_end - pool.fresh) / class_width - 1;
  pool.free[c] = ::new (pool.fresh) free_block{pool.free[c]};
  pool.fresh = pool.fresh_end;
}

struct thread_farewell {
  thread_farewell() = default;
  thread_farewell(const thread_farewell&) = delete;
  thread_farewell& operator=(const thread_farewell&) = delete;
  ~thread_farewell() {
    pool.ending = true;
    if (static_cast<std::size_t>(pool.fresh_end - pool.fresh) > class_count * class_width) {
      legacy& l = legacy::get();
      const std::scoped_lock lock(l.mutex);
      l.ranges = ::new (pool.fresh) free_range{l.ranges, pool.fresh_end};
      pool.fresh = pool.fresh_end;
    }
    make_block_of_rest();
    for (std::size_t c = 0; c < class_count; ++c)
      leave_to_others(c, std::exchange(pool.free[c], nullptr));
  }
  void touch() noexcept {}
};
thread_local thread_farewell farewell;

constexpr std::size_t class_of(std::size_t size) noexcept {
  return (size + class_width - 1) / class_width - 1;
}

void* heap_block(std::size_t size) {
  return ::operator new(size, std::align_val_t{frame_alignment});
}

// A block that has not been one before, or one of an ended thread.
void* new_block(std::size_t c) {
  const std::size_t size = (c + 1) * class_width;
  if (pool.alone) [[unlikely]] {
    farewell.touch();
    void* block = heap_block(size);
    ++pool.from_heap;
    return block;
  }
  if (static_cast<std::size_t>(pool.fresh_end - pool.fresh) < size) {
    farewell.touch();  // registers its destructor with this thread
    legacy& l = legacy::get();
    free_range* inherited = nullptr;
    {
      const std::scoped_lock lock(l.mutex);
      if (l.any && l.free[c]) {
        free_block* block = std::exchange(l.free[c], l.free[c]->next);
        pool.free[c] = std::exchange(l.free[c], nullptr);  // the rest of the list too
        return block;
      }
      inherited = l.ranges;
      if (inherited) l.ranges = inherited->next;
    }
    make_block_of_rest();  // too small for this one, not for others
    if (inherited) {
      pool.fresh_end = inherited->end;
      pool.fresh = reinterpret_cast<std::byte*>(inherited);
    } else {
      ++pool.from_heap;
      pool.fresh = static_cast<std::byte*>(heap_block(chunk_bytes));
      pool.fresh_end = pool.fresh + chunk_bytes;
    }
  }
  return std::exchange(pool.fresh, pool.fresh + size);
}

}  // namespace

void* allocate_frame(std::size_t size) {
  const std::size_t c = class_of(size);
  if (recycling && c < class_count) [[likely]] {
    void* block = pool.free[c];
    if (block) [[likely]]
      pool.free[c] = pool.free[c]->next;
    else
      block = new_block(c);
    ++pool.alive;
    return block;
  }
  void* block = heap_block(size);
  ++pool.alive;
  ++pool.from_heap;
  return block;
}

void release_frame(void* block, std::size_t size) noexcept {
  --pool.alive;
  const std::size_t c = class_of(size);
  if (recycling && c < class_count) [[likely]] {
    auto* free = ::new (block) free_block{pool.free[c]};
    if (!pool.ending) [[likely]] {
      pool.free[c] = free;
      return;
    }
    free->next = nullptr;
    leave_to_others(c, free);
    return;
  }
  ::operator delete(block, std::align_val_t{frame_alignment});
}

// For tests of what happens without memory, which declare it: from here, what the calling thread's lists do not
// have is asked of the general allocator block by block, not of chunks and of what other threads left.
void take_each_frame_from_heap() noexcept;
void take_each_frame_from_heap() noexcept { pool.alone = true; }

std::int64_t frames_alive() noexcept { return pool.alive; }
std::uint64_t frames_from_heap() noexcept { return pool.from_heap; }

}  // namespace rondo::detail
