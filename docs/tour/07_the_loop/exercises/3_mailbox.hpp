// Exercise 7.3: a wake-up that is never lost.
//
// Other threads put numbers into a mailbox. The loop takes them when it comes by; when it sleeps,
// it has to be woken. To wake it costs a system call, so nobody should do it who need not: only the
// first post since the loop has gone to sleep. An eventfd can be read when somebody has written to
// it. In what is here a post can be lost. Find out how, and mend it.
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

  // From any thread.
  void post(int n) {
    pthread_mutex_lock(&lock_);
    posted_.push_back(n);
    const bool wake = std::exchange(asleep_, false);
    pthread_mutex_unlock(&lock_);
    const std::uint64_t one = 1;
    if (wake && write(wake_.get(), &one, sizeof one) < 0) std::abort();
  }

  // For the loop's thread. What has been posted.
  std::vector<int> take() {
    pthread_mutex_lock(&lock_);
    std::vector<int> all = std::exchange(posted_, {});
    pthread_mutex_unlock(&lock_);
    return all;
  }
  // Asked before the loop sleeps. True: nothing is here, and a post will make fd() readable.
  bool may_sleep() {
    pthread_mutex_lock(&lock_);
    asleep_ = true;
    pthread_mutex_unlock(&lock_);
    return true;
  }
  // Told when it sleeps no more.
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
