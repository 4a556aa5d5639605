#include <rondo/runtime/core/thread_pool.hpp>

#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <thread>

namespace rondo::detail {
namespace {

constexpr std::chrono::seconds idle_limit{10};

class thread_pool {
 public:
  void submit(pool_item& item) {
    const std::scoped_lock lock(mutex_);
    line_.push_back(item);
    ++waiting_;
    work_.notify_one();
    // A thread that was notified counts as idle until it has the lock: each item in line needs one
    // of its own.
    if (waiting_ > idle_) {
      try {
        std::thread([this] { serve(); }).detach();
        ++threads_;
      } catch (...) {              // no thread, or no memory for one
        if (threads_ > 0) return;  // those there are will come to it
        line_.remove(item);
        --waiting_;
        throw;
      }
    }
  }

  bool take_back(pool_item& item) noexcept {
    const std::scoped_lock lock(mutex_);
    if (!item.linked()) return false;
    line_.remove(item);
    --waiting_;
    return true;
  }

 private:
  void serve() noexcept {
    std::unique_lock lock(mutex_);
    for (;;) {
      if (pool_item* item = line_.pop_front()) {
        --waiting_;
        lock.unlock();
        item->execute();
        lock.lock();
        continue;
      }
      ++idle_;
      const bool work = work_.wait_for(lock, idle_limit, [this] { return !line_.empty(); });
      --idle_;
      if (!work) break;
    }
    --threads_;
  }

  std::mutex mutex_;
  std::condition_variable work_;
  intrusive_list<pool_item> line_;
  std::size_t waiting_ = 0;  // items in line
  std::size_t threads_ = 0;
  std::size_t idle_ = 0;
};

// Never destroyed: a thread may outlive main. A child of fork() has none of the threads, nor what
// they left locked or half done: it begins with a new pool in the same place. What stood in line
// belongs to loops of the parent.
thread_pool& the_pool() {
  alignas(thread_pool) static std::byte place[sizeof(thread_pool)];
  static thread_pool* p = nullptr;
  [[maybe_unused]] static const bool made = [] {
    p = std::construct_at(reinterpret_cast<thread_pool*>(place));
    ::pthread_atfork(nullptr, nullptr,
                     [] { p = std::construct_at(reinterpret_cast<thread_pool*>(place)); });
    return true;
  }();
  return *p;
}

}  // namespace

void submit_to_pool(pool_item& item) { the_pool().submit(item); }
bool take_back_from_pool(pool_item& item) noexcept { return the_pool().take_back(item); }

}  // namespace rondo::detail
