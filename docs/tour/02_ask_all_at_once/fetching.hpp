// One page on its way: where it stands, and what has to happen before it can go on.
#pragma once

#include "../01_a_page_please/descriptor.hpp"
#include "../01_a_page_please/page.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>

namespace tour {

class fetching {
 public:
  enum class state { connecting, sending, receiving, done, failed };

  fetching(unsigned short port, const std::string& path) : request_(request_for(path)) {
    socket_ = descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    const sockaddr_in at = loopback(port);
    if (connect(socket_.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 &&
        errno != EINPROGRESS)
      fail("connect", errno);
  }

  // What has to happen: POLLIN or POLLOUT; 0 when it has ended.
  short waits_for() const {
    if (state_ == state::done || state_ == state::failed) return 0;
    return state_ == state::receiving ? POLLIN : POLLOUT;
  }
  int fd() const { return socket_.get(); }

  // Goes on until it has ended, or has to wait.
  void go_on();

  // When it is done.
  const page& result() const { return page_; }
  // When it has failed: in which call, and errno.
  const char* failed_in() const { return failed_in_; }
  int error() const { return error_; }

 private:
  void fail(const char* call, int error) {
    failed_in_ = call;
    error_ = error;
    state_ = state::failed;
    socket_ = descriptor();
  }

  state state_ = state::connecting;
  descriptor socket_;
  std::string request_;
  std::size_t sent_ = 0;  // bytes of the request
  std::string text_;      // what has come of the answer
  int reads_ = 0;
  page page_;
  const char* failed_in_ = "";
  int error_ = 0;
};

// begin go_on
inline void fetching::go_on() {
  for (;;) switch (state_) {
      case state::connecting: {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(fd(), SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) return fail("connect", error);
        state_ = state::sending;
        break;
      }
      case state::sending: {
        const ssize_t n =
            send(fd(), request_.data() + sent_, request_.size() - sent_, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) return;
        if (n < 0) return fail("send", errno);
        sent_ += static_cast<std::size_t>(n);
        if (sent_ == request_.size()) state_ = state::receiving;
        break;
      }
      case state::receiving: {
        char buffer[4096];
        const ssize_t n = recv(fd(), buffer, sizeof buffer, 0);
        if (n < 0 && errno == EAGAIN) return;
        if (n < 0) return fail("recv", errno);
        ++reads_;
        text_.append(buffer, static_cast<std::size_t>(n));
        if (n > 0) break;
        page_ = read_page(text_, reads_);
        state_ = state::done;
        socket_ = descriptor();
        return;
      }
      case state::done:
      case state::failed: return;
    }
}
// end go_on

}  // namespace tour
