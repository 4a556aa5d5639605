#include "support/allocations.hpp"

#ifndef RONDO_TEST_SANITIZED

#include <cstdlib>
#include <new>
#include <utility>

namespace {

constexpr std::uint64_t none = ~std::uint64_t{0};
constexpr std::size_t unlimited = ~std::size_t{0};

constinit thread_local std::uint64_t made = 0;
constinit thread_local std::uint64_t refused =
    none;  // the value of `made` whose request is refused
constinit thread_local std::size_t largest = unlimited;

void* allocate(std::size_t size, std::size_t alignment) {
  const bool refuse = made++ == refused;
  if (refuse) refused = none;
  if (refuse || size > largest) throw std::bad_alloc();
  const std::size_t rounded = (size + alignment - 1) / alignment * alignment;
  if (void* p = std::aligned_alloc(alignment, rounded == 0 ? alignment : rounded)) return p;
  throw std::bad_alloc();
}

}  // namespace

namespace rondo_test {

std::uint64_t allocations() noexcept { return made; }

void refuse_allocation(std::uint64_t n) noexcept { refused = made + n; }
bool refusal_is_pending() noexcept { return std::exchange(refused, none) != none; }

memory_limit::memory_limit(std::size_t bytes) noexcept { largest = bytes; }
memory_limit::~memory_limit() { largest = unlimited; }

}  // namespace rondo_test

// The other forms (arrays, nothrow, sized delete) call these.
void* operator new(std::size_t size) { return allocate(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }

#endif
