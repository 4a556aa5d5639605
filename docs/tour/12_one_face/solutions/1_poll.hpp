// Exercise 12.1: a third back end. Everything that is over, in whichever way, goes into one list,
// and only wait() goes through it: nobody is called from within start() or cancel(). When there is
// something in it, wait() does not sleep.
#pragma once

#include "../reactor.hpp"

#include <poll.h>

#include <algorithm>

namespace tour {

class poll_reactor : public reactor {
 public:
  void start(operation& op) override { (attempt(op) ? completed_ : waiting_).push_back(&op); }
  void cancel(operation& op) override {
    if (std::erase(waiting_, &op) == 0) return;  // it is completed already
    op.result = -ECANCELED;
    completed_.push_back(&op);
  }
  void wait(std::int64_t until) override {
    look(completed_.empty() ? until : 0);
    call_completed();
  }

  std::int64_t now() const override {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1'000'000'000 + t.tv_nsec;
  }
  void open_pair(int (&ends)[2]) override {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0) std::abort();
  }
  void close(int fd) override { ::close(fd); }
  long calls() const override { return 0; }

 private:
  // False: it has to wait.
  static bool attempt(operation& op) {
    const ssize_t n = op.what == kind::send ? ::send(op.fd, op.data, op.size, MSG_NOSIGNAL)
                                            : ::recv(op.fd, op.buffer, op.size, 0);
    if (n < 0 && errno == EAGAIN) return false;
    op.result = n < 0 ? -errno : n;
    return true;
  }
  // Sleeps until one that waits can go on, or the moment has come; and lets all go on that can.
  void look(std::int64_t until) {
    std::vector<pollfd> all;
    for (const operation* op : waiting_)
      all.push_back({op->fd, static_cast<short>(op->what == kind::send ? POLLOUT : POLLIN), 0});
    const std::int64_t left = std::clamp<std::int64_t>(until - now(), 0, 3'600'000'000'000);
    ::poll(all.data(), all.size(), static_cast<int>((left + 999'999) / 1'000'000));
    std::erase_if(waiting_, [this](operation* op) {
      if (!attempt(*op)) return false;
      completed_.push_back(op);
      return true;
    });
  }
  void call_completed() {
    for (operation* op : std::exchange(completed_, {})) op->completed(*op);
  }

  std::vector<operation*> waiting_;
  std::vector<operation*> completed_;  // to be called by wait()
};

}  // namespace tour
