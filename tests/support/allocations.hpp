// Counts what the program asks of operator new, and refuses what a test wants refused. Only in
// builds without a sanitizer, which needs its own.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define RONDO_TEST_SANITIZED 1
#endif
#endif

namespace rondo_test {

#ifndef RONDO_TEST_SANITIZED
// Calls of operator new by the calling thread so far.
std::uint64_t allocations() noexcept;

// The calling thread's n-th request from here (0: the next) throws std::bad_alloc, once.
void refuse_allocation(std::uint64_t n) noexcept;
// True when that request has not come yet; then it is taken back.
bool refusal_is_pending() noexcept;

// While it is there, an allocation of more than `bytes` by the calling thread fails.
class memory_limit {
 public:
  explicit memory_limit(std::size_t bytes) noexcept;
  memory_limit(const memory_limit&) = delete;
  memory_limit& operator=(const memory_limit&) = delete;
  ~memory_limit();
};
#endif

}  // namespace rondo_test
