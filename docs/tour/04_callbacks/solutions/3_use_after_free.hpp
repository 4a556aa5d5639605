// Exercise 4.3: find the use after free. The answer and the end of the stream may be completed in
// one turn: the loop has both in its list, calls the first, which deletes the session, and then the
// second, which belongs to it. A session that has two operations under way goes with the last.
#pragma once

#include "../callback.hpp"

#include <string>

namespace tour {

class session {
 public:
  session(operation_loop& loop, descriptor socket, int& answers, int& alive)
      : loop_(loop), socket_(std::move(socket)), answers_(answers), alive_(alive) {
    ++alive_;
    listen_for_more();
  }
  session(const session&) = delete;

 private:
  ~session() { --alive_; }

  void leave() {
    if (--under_way_ == 0) delete this;
  }
  void listen_for_more() {
    ++under_way_;
    async(loop_, {.fd = socket_.get(), .buffer = in_, .size = sizeof in_}, [this](ssize_t n) {
      if (n > 0) {
        if (!answering_) answer();
        listen_for_more();
      }
      leave();
    });
  }
  void answer() {
    answering_ = true;
    out_.assign(50'000, 'a');
    const operation send{
        .what = kind::send, .fd = socket_.get(), .data = out_.data(), .size = out_.size()};
    ++under_way_;
    async(loop_, send, [this](ssize_t n) {
      answering_ = false;
      if (n >= 0) ++answers_;
      leave();
    });
  }

  operation_loop& loop_;
  descriptor socket_;
  int& answers_;
  int& alive_;
  int under_way_ = 0;
  bool answering_ = false;
  char in_[256];
  std::string out_;
};

}  // namespace tour
