// Exercise 4.1: a page without closures. Everything that is needed on the way is a member, and the
// operation is a base: from the one the other is found by a static_cast.
#pragma once

#include "../fetch.hpp"

namespace tour {

class fetching : operation {
 public:
  fetching(operation_loop& loop, unsigned short port, const std::string& path)
      : loop_(loop), request_(request_for(path)) {
    fd = socket_.get();
    name = loopback(port);
    begin(kind::connect, nullptr, 0, &connected);
  }
  fetching(const fetching&) = delete;

  page result;
  int error = 0;

 private:
  void begin(kind k, const char* bytes, std::size_t n, void (*then)(operation&)) {
    what = k;
    data = bytes;
    size = n;
    completed = then;
    loop_.start(*this);
  }
  void read_on() {
    buffer = buffer_;
    begin(kind::recv, nullptr, sizeof buffer_, &received);
  }
  bool has_failed() {
    if (operation::result < 0) error = static_cast<int>(-operation::result);
    return error != 0;
  }

  static void connected(operation& op) {
    auto& self = static_cast<fetching&>(op);
    if (self.has_failed()) return;
    self.begin(kind::send, self.request_.data(), self.request_.size(), &sent);
  }
  static void sent(operation& op) {
    auto& self = static_cast<fetching&>(op);
    if (!self.has_failed()) self.read_on();
  }
  static void received(operation& op) {
    auto& self = static_cast<fetching&>(op);
    if (self.has_failed()) return;
    ++self.reads_;
    self.text_.append(self.buffer_, static_cast<std::size_t>(op.result));
    if (op.result > 0)
      self.read_on();
    else
      self.result = read_page(self.text_, self.reads_);
  }

  operation_loop& loop_;
  descriptor socket_{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)};
  std::string request_, text_;
  char buffer_[4096];
  int reads_ = 0;
};

}  // namespace tour
