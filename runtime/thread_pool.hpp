// The threads that blocking work goes to.
//
// One pool a process, grown on demand to `max_threads`; a thread idle for ten seconds ends. Work waits in
// line, first come, first served, and can be taken back until a thread has begun it.
#pragma once

#include <rondo/runtime/intrusive_list.hpp>

#include <cstddef>

namespace rondo::detail {

class pool_item : public list_node {
 public:
  // On a thread of the pool. The item may be gone when it returns.
  virtual void execute() noexcept = 0;

 protected:
  ~pool_item() = default;
};

inline constexpr std::size_t max_threads = 32;

// Throws std::system_error when not even one thread can be had.
void submit_to_pool(pool_item& item);
// True: it had not begun, and never will.
bool take_back_from_pool(pool_item& item) noexcept;

}  // namespace rondo::detail
