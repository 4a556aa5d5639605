// The threads that blocking work goes to.
//
// One pool a process, grown on demand; a thread idle for ten seconds ends. How many calls are in
// threads at a time is limited by each loop for itself (thread_slots, run_options::max_threads):
// the others wait in that loop's line, first come, first served. What no thread has begun can be
// taken back. A child of fork() has a pool of its own, which is empty.
#pragma once

#include <rondo/runtime/core/intrusive_list.hpp>

#include <cstddef>

namespace rondo::detail {

class pool_item : public list_node {
 public:
  // On a thread of the pool. The item may be gone when it returns.
  virtual void execute() noexcept = 0;

 protected:
  ~pool_item() = default;
};

// A loop's limit unless its options say otherwise.
inline constexpr std::size_t max_threads = 40;

// Throws std::system_error or std::bad_alloc when not even one thread can be had.
void submit_to_pool(pool_item& item);
// True: it had not begun, and never will.
bool take_back_from_pool(pool_item& item) noexcept;

// How many calls of one loop may be in threads, and who waits for a place. On the loop's thread.
class thread_slots {
 public:
  void set_limit(std::size_t n) noexcept { limit_ = n; }
  // True: a place is taken. False: the item is in line.
  bool take(pool_item& item) noexcept {
    if (taken_ == limit_) {
      line_.push_back(item);
      return false;
    }
    ++taken_;
    return true;
  }
  // A place is free: whose it is now, if anybody waited.
  pool_item* give() noexcept {
    pool_item* next = line_.pop_front();
    if (!next) --taken_;
    return next;
  }
  // A call in a thread is not waited for any more; it has returned all the same.
  void abandoned() noexcept { ++abandoned_; }
  void abandoned_returned() noexcept { --abandoned_; }
  // Calls in threads that somebody waits for.
  std::size_t awaited() const noexcept { return taken_ - abandoned_; }

 private:
  intrusive_list<pool_item> line_;
  std::size_t limit_ = max_threads;
  std::size_t taken_ = 0;
  std::size_t abandoned_ = 0;  // of those
};

}  // namespace rondo::detail
