// epoll(7): a list of descriptors that the kernel keeps, and an answer that has only what happened.
#pragma once

#include "../01_a_page_please/descriptor.hpp"

#include <sys/epoll.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace tour {

class poller {
 public:
  poller() : list_(epoll_create1(EPOLL_CLOEXEC)) {
    if (list_.get() < 0) give_up("epoll_create1");
  }

  // Registers a descriptor. `what`: EPOLLIN, EPOLLOUT, …; with EPOLLET, it is told when that
  // becomes so, and not again while it is so. Its events will bring `tag`. Closing it ends it. One
  // that is registered already stays as it is.
  void add(int fd, std::uint32_t what, std::uint64_t tag) {
    epoll_event event{};
    event.events = what;
    event.data.u64 = tag;
    const int r = epoll_ctl(list_.get(), EPOLL_CTL_ADD, fd, &event);
    if (r != 0 && errno != EEXIST) give_up("epoll_ctl");
  }

  // Sleeps until something has happened; with a timeout of 0 it only looks. Gives how many events
  // there are, in event(0) and so on, until it is called again.
  int wait(int timeout_ms = -1) {
    int n = 0;
    do {
      n = epoll_wait(list_.get(), events_, most, timeout_ms);
    } while (n < 0 && errno == EINTR);
    if (n < 0) give_up("epoll_wait");
    return n;
  }
  const epoll_event& event(int i) const { return events_[i]; }

 private:
  [[noreturn]] static void give_up(const char* call) {
    std::perror(call);
    std::exit(1);
  }

  static constexpr int most = 16;  // at a time; what is left over comes with the next wait
  descriptor list_;
  epoll_event events_[most];
};

}  // namespace tour
