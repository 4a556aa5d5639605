// Exercise 4.3: find the use after free.
//
// A session waits for a question and gives a long answer. While the answer goes out it goes on
// reading, so that it learns when the other side has gone; then it deletes itself. It works in all
// tests but one. Find out when it does not, and mend it.
#pragma once

#include "../callback.hpp"

#include <string>

namespace tour {

class session {
 public:
  // `answers` is counted up when an answer has gone out; `alive` while the session lives.
  session(operation_loop& loop, descriptor socket, int& answers, int& alive)
      : loop_(loop), socket_(std::move(socket)), answers_(answers), alive_(alive) {
    ++alive_;
    listen_for_more();
  }
  session(const session&) = delete;

 private:
  ~session() { --alive_; }

  void listen_for_more() {
    async(loop_, {.fd = socket_.get(), .buffer = in_, .size = sizeof in_}, [this](ssize_t n) {
      if (n <= 0) {  // the other side has gone
        delete this;
        return;
      }
      if (!answering_) answer();
      listen_for_more();
    });
  }
  void answer() {
    answering_ = true;
    out_.assign(50'000, 'a');
    const operation send{
        .what = kind::send, .fd = socket_.get(), .data = out_.data(), .size = out_.size()};
    async(loop_, send, [this](ssize_t n) {
      answering_ = false;
      if (n >= 0) ++answers_;
    });
  }

  operation_loop& loop_;
  descriptor socket_;
  int& answers_;
  int& alive_;
  bool answering_ = false;
  char in_[256];
  std::string out_;
};

}  // namespace tour
