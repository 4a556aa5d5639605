// For libraries that say which descriptors they watch, and close them as they like: an epoll of
// the library's own, so that Rondo waits for one descriptor that stays.
#pragma once

#include <rondo/runtime.hpp>

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

class private_poll {
 public:
  private_poll() : fd_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (fd_ < 0) throw std::system_error(errno, std::system_category(), "epoll_create1");
  }
  private_poll(const private_poll&) = delete;
  private_poll& operator=(const private_poll&) = delete;
  ~private_poll() { ::close(fd_); }

  // Watched for neither, it is forgotten.
  void watch(int fd, bool in, bool out) noexcept {
    epoll_event e{.events = (in ? EPOLLIN : 0U) | (out ? EPOLLOUT : 0U), .data = {.fd = fd}};
    if (!in && !out)
      ::epoll_ctl(fd_, EPOLL_CTL_DEL, fd, &e);
    else if (::epoll_ctl(fd_, EPOLL_CTL_MOD, fd, &e) != 0 && errno == ENOENT)
      ::epoll_ctl(fd_, EPOLL_CTL_ADD, fd, &e);
  }
  auto ready() const noexcept { return rondo::readable(fd_); }
  // Calls fn(fd, events) for each that is ready, without waiting.
  template <class Fn>
  void take(Fn fn) {
    std::array<epoll_event, 64> some{};
    const int n = ::epoll_wait(fd_, some.data(), static_cast<int>(some.size()), 0);
    for (int i = 0; i < n; ++i) {
      const epoll_event& e = some[static_cast<std::size_t>(i)];
      fn(e.data.fd, e.events);
    }
  }

 private:
  int fd_;
};
