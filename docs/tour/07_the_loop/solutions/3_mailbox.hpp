// Exercise 7.3: a wake-up that is never lost. Whoever posts looks at `asleep_`, and the loop, as it
// goes to sleep, looks at what was posted, both under the lock: one of them sees the other. Without
// a lock it is the same, with two variables: each side writes its own and then reads the other's.
#pragma once

#include "../../01_a_page_please/descriptor.hpp"

#include <pthread.h>
#include <sys/eventfd.h>

#include <cstdint>
#include <cstdlib>
#include <utility>
#include <vector>

namespace tour {

class mailbox {
 public:
  mailbox() : wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}
  mailbox(const mailbox&) = delete;
  mailbox& operator=(const mailbox&) = delete;

  void post(int n) {
    pthread_mutex_lock(&lock_);
    posted_.push_back(n);
    const bool wake = std::exchange(asleep_, false);
    pthread_mutex_unlock(&lock_);
    const std::uint64_t one = 1;
    if (wake && write(wake_.get(), &one, sizeof one) < 0) std::abort();
  }

  std::vector<int> take() {
    pthread_mutex_lock(&lock_);
    std::vector<int> all = std::exchange(posted_, {});
    pthread_mutex_unlock(&lock_);
    return all;
  }
  bool may_sleep() {
    pthread_mutex_lock(&lock_);
    asleep_ = posted_.empty();
    const bool may = asleep_;
    pthread_mutex_unlock(&lock_);
    return may;
  }
  void has_woken() {
    std::uint64_t posts = 0;
    pthread_mutex_lock(&lock_);
    asleep_ = false;
    pthread_mutex_unlock(&lock_);
    if (read(wake_.get(), &posts, sizeof posts) < 0) return;  // nobody had to wake it
  }
  int fd() const { return wake_.get(); }

 private:
  descriptor wake_;
  pthread_mutex_t lock_ = PTHREAD_MUTEX_INITIALIZER;
  std::vector<int> posted_;
  bool asleep_ = false;
};

}  // namespace tour
