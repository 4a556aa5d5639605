// The way in from other threads: many push, one loop takes all, in the order of each pusher.
#pragma once

#include <atomic>

namespace rondo::detail {

// Something to be done on the loop's thread. It is responsible for its own memory.
class remote_node {
 public:
  virtual void run() noexcept = 0;
  // Called instead of run() when the loop ends before it could.
  virtual void drop() noexcept = 0;

 protected:
  ~remote_node() = default;

 private:
  friend class remote_queue;
  remote_node* next_ = nullptr;
};

class remote_queue {
 public:
  void push(remote_node& n) noexcept {
    remote_node* last = top_.load(std::memory_order_relaxed);
    do n.next_ = last;
    while (!top_.compare_exchange_weak(last, &n, std::memory_order_seq_cst,
                                       std::memory_order_relaxed));
  }
  bool empty() const noexcept { return top_.load(std::memory_order_seq_cst) == nullptr; }

  // Takes everything and calls fn(node) oldest first; a node may be gone when fn returns.
  template <class Fn>
  void take_all(Fn fn) noexcept {
    remote_node* newest = top_.exchange(nullptr, std::memory_order_acquire);
    remote_node* oldest = nullptr;
    while (newest) {
      remote_node* older = newest->next_;
      newest->next_ = oldest;
      oldest = newest;
      newest = older;
    }
    while (oldest) {
      remote_node* following = oldest->next_;
      fn(*oldest);
      oldest = following;
    }
  }

 private:
  std::atomic<remote_node*> top_{nullptr};
};

}  // namespace rondo::detail
