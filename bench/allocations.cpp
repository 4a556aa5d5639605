#include "allocations.hpp"

#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

constinit thread_local rondo::bench::allocation_counts counts;

void* counted(void* block, std::size_t size) {
  if (!block) throw std::bad_alloc();
  ++counts.calls;
  counts.bytes += size;
  return block;
}

}  // namespace

rondo::bench::allocation_counts rondo::bench::allocations() noexcept { return counts; }

// The other forms of new and delete are defined by the standard library in terms of these.
void* operator new(std::size_t size) { return counted(std::malloc(size ? size : 1), size); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  const auto a = static_cast<std::size_t>(alignment);
  return counted(std::aligned_alloc(a, (size + a - 1) / a * a), size);
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
void operator delete(void* block, std::align_val_t) noexcept { std::free(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { std::free(block); }
