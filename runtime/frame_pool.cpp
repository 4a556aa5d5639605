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

constexpr std::size_t chunk_bytes = std::size_t{256} * 1024;

// The unused part of a chunk.
struct free_range {
  free_range* next;
  std::byte* end;
};
using free_lists = std::array<free_frame*, frame_class_count>;

// Like the lists, constant-initialised and trivially destroyed; `farewell` below is what empties them when
// the thread ends.
struct thread_pool_state {
  std::byte* fresh = nullptr;  // what is left of the latest chunk
  std::byte* fresh_end = nullptr;
  std::uint64_t from_heap = 0;
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

void leave_to_others(std::size_t c, free_frame* list) noexcept {
  if (!list) return;
  legacy& l = legacy::get();
  const std::scoped_lock lock(l.mutex);
  free_frame* last = list;
  while (last->next) last = last->next;
  last->next = l.free[c];
  l.free[c] = list;
  l.any = true;
}

// The part of a chunk that has room for no more than one block becomes that block.
void make_block_of_rest() noexcept {
  if (pool.fresh == pool.fresh_end) return;
  const std::size_t c =
      static_cast<std::size_t>(pool.fresh_end - pool.fresh) / frame_class_width - 1;
  this_thread_frames.free[c] = ::new (pool.fresh) free_frame{this_thread_frames.free[c]};
  pool.fresh = pool.fresh_end;
}

struct thread_farewell {
  thread_farewell() = default;
  thread_farewell(const thread_farewell&) = delete;
  thread_farewell& operator=(const thread_farewell&) = delete;
  ~thread_farewell() {
    this_thread_frames.largest_kept = 0;
    if (static_cast<std::size_t>(pool.fresh_end - pool.fresh) >
        frame_class_count * frame_class_width) {
      legacy& l = legacy::get();
      const std::scoped_lock lock(l.mutex);
      l.ranges = ::new (pool.fresh) free_range{l.ranges, pool.fresh_end};
      pool.fresh = pool.fresh_end;
    }
    make_block_of_rest();
    for (std::size_t c = 0; c < frame_class_count; ++c)
      leave_to_others(c, std::exchange(this_thread_frames.free[c], nullptr));
  }
  void touch() noexcept {}
};
thread_local thread_farewell farewell;

void* heap_block(std::size_t size) {
  return ::operator new(size, std::align_val_t{frame_alignment});
}

// A block that has not been one before, or one of an ended thread.
void* new_block(std::size_t c) {
  const std::size_t size = (c + 1) * frame_class_width;
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
        free_frame* block = std::exchange(l.free[c], l.free[c]->next);
        this_thread_frames.free[c] = std::exchange(l.free[c], nullptr);  // the rest of the list too
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

constinit thread_local frame_lists this_thread_frames{
    .free = {}, .largest_kept = recycling ? frame_class_count * frame_class_width : 0, .alive = 0};

void* allocate_new_frame(std::size_t size) {
  const std::size_t c = frame_class(size);
  void* block = nullptr;
  if (recycling && c < frame_class_count) [[likely]] {
    block = new_block(c);
  } else {
    block = heap_block(size);
    ++pool.from_heap;
  }
  ++this_thread_frames.alive;
  return block;
}

void release_unkept_frame(void* block, std::size_t size) noexcept {
  --this_thread_frames.alive;
  const std::size_t c = frame_class(size);
  if (recycling && c < frame_class_count)
    leave_to_others(c, ::new (block) free_frame{nullptr});
  else
    ::operator delete(block, std::align_val_t{frame_alignment});
}

// For tests of what happens without memory, which declare it: from here, what the calling thread's lists do not
// have is asked of the general allocator block by block, not of chunks and of what other threads left.
void take_each_frame_from_heap() noexcept;
void take_each_frame_from_heap() noexcept { pool.alone = true; }

std::int64_t frames_alive() noexcept { return this_thread_frames.alive; }
std::uint64_t frames_from_heap() noexcept { return pool.from_heap; }

}  // namespace rondo::detail
