// Counts what a test program asks of operator new, for test::accounts. It defines operator new and
// operator delete: include it in exactly one source file of the program.
//
//   #include <rondo/testing/count_allocations.hpp>
#pragma once

#include <rondo/version.hpp>

#include <rondo/testing/parts/allocation_count.hpp>

#include <cstddef>
#include <cstdlib>
#include <new>

namespace rondo::test::detail {

inline void* counted_allocation(std::size_t size, std::size_t alignment) {
  allocations_are_counted.store(true, std::memory_order_relaxed);
  const std::size_t rounded = (size + alignment - 1) / alignment * alignment;
  void* const block = std::aligned_alloc(alignment, rounded == 0 ? alignment : rounded);
  if (!block) throw std::bad_alloc();
  allocations_alive.fetch_add(1, std::memory_order_relaxed);
  return block;
}
inline void counted_release(void* block) noexcept {
  if (!block) return;
  allocations_alive.fetch_sub(1, std::memory_order_relaxed);
  std::free(block);
}

}  // namespace rondo::test::detail

// The other forms (arrays, nothrow) call these.
void* operator new(std::size_t size) {
  return rondo::test::detail::counted_allocation(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return rondo::test::detail::counted_allocation(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* block) noexcept { rondo::test::detail::counted_release(block); }
void operator delete(void* block, std::size_t) noexcept {
  rondo::test::detail::counted_release(block);
}
void operator delete(void* block, std::align_val_t) noexcept {
  rondo::test::detail::counted_release(block);
}
void operator delete(void* block, std::size_t, std::align_val_t) noexcept {
  rondo::test::detail::counted_release(block);
}
