// A loop that is told what to do, and calls when it has been done. What is asked of it is an
// operation: plain data that belongs to whoever asks, and stays where it is until it is completed.
#pragma once

#include "../03_the_edge/poller.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <vector>

namespace tour {

enum class kind { connect, send, recv };

// begin operation
struct operation {
  kind what = kind::recv;
  int fd = -1;
  char* buffer = nullptr;      // recv: has room for `size` bytes
  const char* data = nullptr;  // send: `size` bytes, all of which go
  std::size_t size = 0;
  sockaddr_in name{};                       // connect
  ssize_t result = 0;                       // -errno when it has failed; recv: bytes, 0 at the end
  void (*completed)(operation&) = nullptr;  // called by run(), once
  operation* next = nullptr;                // in the one list that holds it
};
// end operation

class operation_loop {
 public:
  // One operation at a time for each direction of a descriptor; another ends with -EBUSY.
  void start(operation& op) {
    ++under_way_;
    operation*& place = place_of(op);
    if (place != nullptr) op.result = -EBUSY;
    if (place != nullptr || attempt(op)) return complete(op);
    place = &op;
    poller_.add(op.fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, static_cast<unsigned>(op.fd));
  }

  // Takes an operation back (chapter 9). False: it is completed, and `completed` will be called.
  bool withdraw(const operation& op) {
    if (place_of(op) != &op) return false;
    place_of(op) = nullptr;
    return --under_way_, true;
  }

  // Whether call_completed() has somebody to call (chapter 12).
  bool something_completed() const { return first_ != nullptr; }

  // begin run
  // Until nothing is under way any more.
  void run() {
    for (call_completed(); under_way_ > 0; call_completed()) look(-1);
  }

  void call_completed() {
    while (first_ != nullptr) {
      operation& op = *first_;
      first_ = op.next;
      --under_way_;
      op.completed(op);  // it may be gone afterwards
    }
  }
  // Sleeps until something happens, at most for `timeout_ms` (-1: as long as it takes), and tries
  // again what has waited for it.
  void look(int timeout_ms) {
    const int n = poller_.wait(timeout_ms);
    for (int i = 0; i < n; ++i)
      for (operation*& place : waiting_[poller_.event(i).data.u64])
        if (place != nullptr && attempt(*place)) complete(*std::exchange(place, nullptr));
  }
  // end run

 private:
  operation*& place_of(const operation& op) {
    const auto fd = static_cast<std::size_t>(op.fd);
    if (fd >= waiting_.size()) waiting_.resize(fd + 1);
    return waiting_[fd][op.what == kind::recv ? 0 : 1];
  }
  void complete(operation& op) {
    op.next = nullptr;
    (first_ != nullptr ? last_->next : first_) = &op;
    last_ = &op;
  }

  // False: it has to wait.
  static bool attempt(operation& op) {
    ssize_t n = 0;
    switch (op.what) {
      case kind::connect:  // the second call gives the verdict (chapter 2)
        n = ::connect(op.fd, reinterpret_cast<const sockaddr*>(&op.name), sizeof op.name);
        if (n < 0 && errno == EISCONN) n = 0;
        break;
      case kind::send:
        while (op.size > 0 && (n = ::send(op.fd, op.data, op.size, MSG_NOSIGNAL)) > 0) {
          op.data += n;
          op.size -= static_cast<std::size_t>(n);
        }
        break;
      case kind::recv: n = ::recv(op.fd, op.buffer, op.size, 0); break;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINPROGRESS || errno == EALREADY)) return false;
    op.result = n < 0 ? -errno : n;
    return true;
  }

  poller poller_;
  // By descriptor: what waits to read, and what waits to write.
  std::vector<std::array<operation*, 2>> waiting_;
  int under_way_ = 0;
  operation *first_ = nullptr, *last_ = nullptr;  // of those that are completed
};

}  // namespace tour
