// A port that several listeners may share (SO_REUSEPORT), and that is nobody else's: it is bound
// and does not listen.
#pragma once

#include "net/net_support.hpp"

#include <gtest/gtest.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace rondo_test {

class shared_port {
 public:
  shared_port() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int on = 1;
    EXPECT_EQ(::setsockopt(fd_, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on), 0);
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
    socklen_t size = sizeof name;
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&name), &size), 0);
    at_ = loopback(ntohs(name.sin_port));
  }
  shared_port(const shared_port&) = delete;
  shared_port& operator=(const shared_port&) = delete;
  ~shared_port() { ::close(fd_); }

  endpoint at() const { return at_; }
  // One more that listens there.
  tcp_listener listen() const {
    return tcp_listener::bind(at_, rondo::net::listen_options().reuse_port(true));
  }

 private:
  int fd_;
  endpoint at_;
};

}  // namespace rondo_test
