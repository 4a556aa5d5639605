// A signal's disposition for the length of a test.
//
//   const disposition ignored(SIGUSR1, SIG_IGN);
//   …
//   EXPECT_TRUE(ignored.is_in_force());   // whoever changed it has put it back
#pragma once

#include <csignal>

namespace rondo_test {

class disposition {
 public:
  using handler = void (*)(int);

  disposition(int signal, handler h) : signal_(signal), wanted_(h) {
    struct sigaction a{};
    a.sa_handler = h;
    ::sigaction(signal, &a, &before_);
  }
  disposition(const disposition&) = delete;
  disposition& operator=(const disposition&) = delete;
  ~disposition() { ::sigaction(signal_, &before_, nullptr); }

  static handler of(int signal) {
    struct sigaction now{};
    ::sigaction(signal, nullptr, &now);
    return now.sa_handler;
  }
  bool is_in_force() const { return of(signal_) == wanted_; }

 private:
  int signal_;
  handler wanted_;
  struct sigaction before_{};
};

}  // namespace rondo_test
