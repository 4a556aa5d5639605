// What a program holds of the heap: the bytes that malloc has given and not got back, of whatever
// library, less the blocks that the frame pool keeps for its next frames. Those it keeps for good,
// as many as there were at once (frame_pool.hpp): they tell of the peak, and of nothing that leaks.
//
//   std::thread([] {
//     take_frames_one_by_one();       // the first thing that the thread does
//     …
//     held_bytes();                   // exact, up to what malloc itself keeps
//   });
#pragma once

#include <rondo/runtime/core/frame_pool.hpp>

#include <malloc.h>

#include <cstddef>

namespace rondo::detail {
void take_each_frame_from_heap() noexcept;  // frame_pool.cpp
}

namespace rondo_test {

// From here the calling thread's pool has no chunks, of which only a part is used.
inline void take_frames_one_by_one() noexcept { rondo::detail::take_each_frame_from_heap(); }

// What the calling thread's pool keeps, which has had no chunks.
inline std::size_t kept_bytes() noexcept {
  std::size_t n = 0;
  for (rondo::detail::free_frame* block : rondo::detail::this_thread_frames.free)
    for (; block != nullptr; block = block->next)
      n += ::malloc_usable_size(block) + sizeof(std::size_t);
  return n;
}

inline std::size_t held_bytes() noexcept {
  const struct mallinfo2 heap = ::mallinfo2();
  return heap.uordblks + heap.hblkhd - kept_bytes();
}

}  // namespace rondo_test
