// A socket that listens, as a service manager has one: each server gets a duplicate of it.
#pragma once

#include "net/net_support.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace rondo_test {

class kept_listener {
 public:
  kept_listener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
    EXPECT_EQ(::listen(fd_, 1024), 0);
  }
  kept_listener(const kept_listener&) = delete;
  kept_listener& operator=(const kept_listener&) = delete;
  ~kept_listener() { ::close(fd_); }

  tcp_listener duplicate() const { return tcp_listener::adopt(::fcntl(fd_, F_DUPFD_CLOEXEC, 0)); }
  endpoint at() const { return loopback(ntohs(name().sin_port)); }
  // A client that has its connection when this returns, whether it was accepted or not.
  tcp_stream connect() const {
    const sockaddr_in at = name();
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
    return tcp_stream::adopt(fd);
  }

 private:
  sockaddr_in name() const {
    sockaddr_in at{};
    socklen_t size = sizeof at;
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size), 0);
    return at;
  }

  int fd_;
};

}  // namespace rondo_test
