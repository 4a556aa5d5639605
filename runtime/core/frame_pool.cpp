#include <rondo/runtime/core/frame_pool.hpp>
#include <rondo/runtime/core/frame_quarantine.hpp>

#include <pthread.h>

#include <array>
#include <cstring>
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

// A thread's lists hold at most this many blocks more than it has cut: what others made and it
// released.
constexpr std::int64_t most_foreign = 1024;
// How many go to the other threads at a time.
constexpr std::int64_t batch_size = 256;
// Taken off the room that lists have, it leaves them none for good.
constexpr std::int64_t no_room = std::int64_t{1} << 62;

// The unused part of a chunk.
struct free_range {
  free_range* next;
  std::byte* end;
};
// A list on its way from one thread to another, written into its first block.
struct free_batch : free_frame {
  free_batch* next_batch;
  std::int64_t size;
};
static_assert(sizeof(free_batch) <= frame_class_width);
// What is in quarantine, written into its block.
struct held_block {
  held_block* next;
  std::size_t size;
};
constexpr std::size_t most_held = 65'536;
constexpr unsigned char poison = 0xdb;  // as an address: none that a machine has

// Like the lists, constant-initialised and trivially destroyed; `farewell` below is what empties
// them when the thread ends.
struct thread_pool_state {
  std::byte* fresh = nullptr;  // what is left of the latest chunk
  std::byte* fresh_end = nullptr;
  std::uint64_t from_heap = 0;
  // What `room` would be with no block alive: most_foreign, plus the blocks that batches have taken
  // away, less those that they brought. So the lists never hold more than most_foreign blocks
  // beyond those that this thread has cut.
  std::int64_t room_at_rest = recycling ? 0 : -no_room;  // no more before begin()
  bool alone = false;                                    // see take_each_frame_from_heap
  bool begun = false;
  bool ended = false;
  bool quarantine = false;
  std::size_t held_blocks = 0;
  held_block* held = nullptr;
};
constinit thread_local thread_pool_state pool;

void make_room(std::int64_t blocks) noexcept {
  this_thread_frames.room += blocks;
  pool.room_at_rest += blocks;
}

// What goes from thread to thread, and what those that have ended left behind. Never destroyed: a
// thread may outlive main.
struct shared_frames {
  std::mutex mutex;
  std::array<free_batch*, frame_class_count> free{};
  free_range* ranges = nullptr;  // each larger than the largest class

  static shared_frames& get() {
    static shared_frames* const s = make();
    return *s;
  }

 private:
  static shared_frames* make() {
    auto* const s = new shared_frames;
    // A fork may come while another thread is in here, and that thread will not be in the child.
    ::pthread_atfork([] { get().mutex.lock(); }, [] { get().mutex.unlock(); },
                     [] { get().mutex.unlock(); });
    return s;
  }
};

// The first blocks of a list, `most` at most. Gives how many.
std::int64_t leave_to_others(std::size_t c, free_frame*& list, std::int64_t most) noexcept {
  if (!list) return 0;
  free_frame* const first = list;
  free_frame* last = first;
  std::int64_t n = 1;
  for (; n < most && last->next; ++n) last = last->next;
  list = std::exchange(last->next, nullptr);
  free_frame* const second = first->next;
  shared_frames& shared = shared_frames::get();
  const std::scoped_lock lock(shared.mutex);
  shared.free[c] = ::new (first) free_batch{{second}, shared.free[c], n};
  return n;
}

// The lists are full, and a batch goes to the other threads. Class `c` is in use: its first blocks
// stay, and those behind them go. If these are too few, blocks of other classes go with them.
[[gnu::noinline]] void hand_over(std::size_t c) noexcept {
  free_frame** behind = &this_thread_frames.free[c];
  for (std::int64_t i = 0; i < batch_size && *behind; ++i) behind = &(*behind)->next;
  std::int64_t n = leave_to_others(c, *behind, batch_size);
  for (std::size_t i = 1; i < frame_class_count && n < batch_size; ++i) {
    const std::size_t other = (c + i) % frame_class_count;
    n += leave_to_others(other, this_thread_frames.free[other], batch_size - n);
  }
  make_room(n);
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
    pool.ended = true;
    make_room(-no_room);
    if (static_cast<std::size_t>(pool.fresh_end - pool.fresh) >
        frame_class_count * frame_class_width) {
      shared_frames& shared = shared_frames::get();
      const std::scoped_lock lock(shared.mutex);
      shared.ranges = ::new (pool.fresh) free_range{shared.ranges, pool.fresh_end};
      pool.fresh = pool.fresh_end;
    }
    make_block_of_rest();
    for (std::size_t c = 0; c < frame_class_count; ++c)
      while (leave_to_others(c, this_thread_frames.free[c], batch_size) > 0) {
      }
  }
  void touch() noexcept {}
};
thread_local thread_farewell farewell;

// Before the first block comes to the thread's lists: when it ends, others will have them.
void begin() noexcept {
  if (std::exchange(pool.begun, true)) return;
  farewell.touch();  // registers its destructor with this thread
  make_room(most_foreign);
}
void* heap_block(std::size_t size) {
  return ::operator new(size, std::align_val_t{frame_alignment});
}

// A block that has not been one before, or one of another thread's.
void* new_block(std::size_t c) {
  const std::size_t size = (c + 1) * frame_class_width;
  if (pool.alone) [[unlikely]] {
    begin();
    void* block = heap_block(size);
    ++pool.from_heap;
    return block;
  }
  if (static_cast<std::size_t>(pool.fresh_end - pool.fresh) < size) {
    begin();
    shared_frames& shared = shared_frames::get();
    free_range* inherited = nullptr;
    {
      const std::scoped_lock lock(shared.mutex);
      if (free_batch* batch = shared.free[c]) {
        shared.free[c] = batch->next_batch;
        make_room(-batch->size);
        this_thread_frames.free[c] = batch->next;
        return batch;
      }
      inherited = shared.ranges;
      if (inherited) shared.ranges = inherited->next;
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

constinit thread_local frame_lists this_thread_frames{.free = {}, .room = recycling ? 0 : -no_room};

void* allocate_new_frame(std::size_t size) {
  const std::size_t c = frame_class(size);
  void* block = nullptr;
  if (recycling && c < frame_class_count) [[likely]] {
    block = new_block(c);
  } else {
    block = heap_block(size);
    ++pool.from_heap;
  }
  if (c < frame_class_count) [[likely]]
    ++this_thread_frames.room;
  else
    --pool.room_at_rest;  // it never comes to the lists
  return block;
}

void release_unkept_frame(void* block, std::size_t size) noexcept {
  const std::size_t c = frame_class(size);
  if (c < frame_class_count)
    --this_thread_frames.room;
  else
    ++pool.room_at_rest;
  if (pool.quarantine && pool.held_blocks < most_held) [[unlikely]] {
    std::memset(block, poison, size);
    pool.held = ::new (block) held_block{pool.held, size};
    ++pool.held_blocks;
    return;
  }
  if (!recycling || c >= frame_class_count) {
    ::operator delete(block, std::align_val_t{frame_alignment});
    return;
  }
  free_frame* only = ::new (block) free_frame{nullptr};
  if (pool.ended) {
    leave_to_others(c, only, 1);
    return;
  }
  only->next = std::exchange(this_thread_frames.free[c], only);
  if (!pool.begun)
    begin();
  else
    hand_over(c);
}

frame_quarantine::frame_quarantine() noexcept
    : holds_(recycling && !std::exchange(pool.quarantine, true)) {
  if (!holds_) return;
  begin();
  make_room(-no_room);  // so that every release comes here
}
frame_quarantine::~frame_quarantine() {
  if (!holds_) return;
  pool.quarantine = false;
  make_room(no_room);
  pool.held_blocks = 0;
  while (held_block* const b = pool.held) {
    pool.held = b->next;
    if (const std::size_t c = frame_class(b->size); c < frame_class_count)
      this_thread_frames.free[c] = ::new (b) free_frame{this_thread_frames.free[c]};
    else
      ::operator delete(b, std::align_val_t{frame_alignment});
  }
}

// For tests of what happens without memory, which declare it: from here, what the calling thread's
// lists do not have is asked of the general allocator block by block, not of chunks and of what
// other threads left.
void take_each_frame_from_heap() noexcept;
void take_each_frame_from_heap() noexcept { pool.alone = true; }

// For tests of how much memory is in use, which declare it: what the calling thread's chunks have
// and no frame, in bytes. Counts them.
std::size_t free_frame_bytes() noexcept;
std::size_t free_frame_bytes() noexcept {
  auto n = static_cast<std::size_t>(pool.fresh_end - pool.fresh);
  for (std::size_t c = 0; c < frame_class_count; ++c)
    for (const free_frame* block = this_thread_frames.free[c]; block; block = block->next)
      n += (c + 1) * frame_class_width;
  return n;
}

std::int64_t frames_alive() noexcept { return this_thread_frames.room - pool.room_at_rest; }
std::uint64_t frames_from_heap() noexcept { return pool.from_heap; }
std::size_t frames_kept() noexcept {
  std::size_t n = 0;
  for (const free_frame* block : this_thread_frames.free)
    for (; block; block = block->next) ++n;
  return n;
}

}  // namespace rondo::detail
