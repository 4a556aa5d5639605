// Memory for coroutine frames and child records: recycled per thread in 64-byte size classes.
//
// No compiler here removes a frame's allocation reliably, and a general allocator costs more than awaiting
// does. So blocks are cut from chunks of 256 KiB, and a released block waits in its class's list for the next
// frame of that size. The peak is kept: memory that held frames once is used for frames again, and what a
// thread leaves behind when it ends serves the next. Blocks are aligned to 64 bytes, because clang at -O0
// misplaces over-aligned locals in frames that are not. Under sanitizers every block comes from the general
// allocator, so that they see every use after free.
//
// These are functions of the library, not inline: a program built with a sanitizer links a plain
// librondo.a and both sides still agree on who recycles what.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rondo::detail {

inline constexpr std::size_t frame_alignment = 64;

// Throws std::bad_alloc.
[[nodiscard]] void* allocate_frame(std::size_t size);
// `size` as it was asked for. Any thread may release a block; it joins that thread's lists.
void release_frame(void* block, std::size_t size) noexcept;

// Blocks allocated minus blocks released by the calling thread: zero when no task is left on a thread
// whose tasks never left it.
[[nodiscard]] std::int64_t frames_alive() noexcept;
// How often the pool went to the general allocator, ever, on the calling thread.
[[nodiscard]] std::uint64_t frames_from_heap() noexcept;

// Gives a class the pool's memory: struct record : pooled { … };
struct pooled {
  static void* operator new(std::size_t size) { return allocate_frame(size); }
  static void operator delete(void* block, std::size_t size) noexcept {
    release_frame(block, size);
  }
};

}  // namespace rondo::detail
