// Memory for coroutine frames and child records: recycled per thread in 64-byte size classes.
//
// No compiler here removes a frame's allocation reliably, and a general allocator costs more than
// awaiting does. So blocks are cut from chunks of 256 KiB, and a released block waits in its
// class's list for the next frame of that size. The peak is kept: memory that held frames once is
// used for frames again, and what a thread leaves behind when it ends serves the next. Blocks are
// aligned to 64 bytes, because clang at -O0 misplaces over-aligned locals in frames that are not.
// Under sanitizers every block comes from the general allocator, so that they see every use after
// free.
//
// Frames that one thread makes and another releases go round: a thread whose lists hold 1,024
// blocks more than it ever cut hands 256 of them to the other threads at a time, and one whose
// chunk is used up takes those before it asks for another.
//
// Taking a block from a list and putting it back is inline, where the size is a constant: a dozen
// instructions. Whether blocks are recycled at all is for the library's data to say, not for a
// macro: a program built with a sanitizer links a plain librondo.a and both sides still agree.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>

namespace rondo::detail {

inline constexpr std::size_t frame_alignment = 64;
inline constexpr std::size_t frame_class_width = 64;
inline constexpr std::size_t frame_class_count = 32;  // up to 2 KiB; larger frames are rare

constexpr std::size_t frame_class(std::size_t size) noexcept {
  return (size + frame_class_width - 1) / frame_class_width - 1;
}

struct free_frame {
  free_frame* next;
};
// What a thread has at hand.
struct frame_lists {
  std::array<free_frame*, frame_class_count> free{};
  // How many more blocks the lists take: far below zero under sanitizers, and when the thread ends.
  std::int64_t room = 0;
};
// Initial-exec: one instruction to reach, in a shared object too, for 264 bytes of static TLS.
[[gnu::tls_model("initial-exec")]] extern constinit thread_local frame_lists this_thread_frames;

// The rest of the two below. Throws std::bad_alloc.
[[nodiscard]] void* allocate_new_frame(std::size_t size);
// Too large for the lists, or they have no room.
void release_unkept_frame(void* block, std::size_t size) noexcept;

// Throws std::bad_alloc.
[[nodiscard]] inline void* allocate_frame(std::size_t size) {
  const std::size_t c = frame_class(size);
  if (c < frame_class_count) [[likely]] {
    if (free_frame* block = this_thread_frames.free[c]) [[likely]] {
      this_thread_frames.free[c] = block->next;
      __builtin_prefetch(block->next);  // after a hundred thousand, it is not in the cache
      ++this_thread_frames.room;
      return block;
    }
  }
  return allocate_new_frame(size);
}
// `size` as it was asked for. Any thread may release a block; it joins that thread's lists.
inline void release_frame(void* block, std::size_t size) noexcept {
  const std::size_t c = frame_class(size);
  if (c >= frame_class_count || this_thread_frames.room <= 0) [[unlikely]] {
    release_unkept_frame(block, size);
    return;
  }
  free_frame*& list = this_thread_frames.free[c];
  list = ::new (block) free_frame{list};
  --this_thread_frames.room;
}

// Blocks allocated minus blocks released by the calling thread: zero when no task is left on a
// thread whose tasks never left it.
[[nodiscard]] std::int64_t frames_alive() noexcept;
// How often the pool went to the general allocator, ever, on the calling thread.
[[nodiscard]] std::uint64_t frames_from_heap() noexcept;
// Blocks in the calling thread's lists, of all classes. Counts them.
[[nodiscard]] std::size_t frames_kept() noexcept;

// Gives a class the pool's memory: struct record : pooled { … };
struct pooled {
  static void* operator new(std::size_t size) { return allocate_frame(size); }
  static void operator delete(void* block, std::size_t size) noexcept {
    release_frame(block, size);
  }
};

}  // namespace rondo::detail
