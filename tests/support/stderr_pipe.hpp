// What the process writes to stderr, read while it runs.
//
//   const stderr_pipe said;
//   … said.read_until("the end") …   // from another thread: waits for it
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>

namespace rondo_test {

class stderr_pipe {
 public:
  stderr_pipe() {
    std::fflush(stderr);
    before_ = ::dup(STDERR_FILENO);
    EXPECT_EQ(::pipe(ends_.data()), 0);
    ::dup2(ends_[1], STDERR_FILENO);
    ::close(ends_[1]);
  }
  stderr_pipe(const stderr_pipe&) = delete;
  stderr_pipe& operator=(const stderr_pipe&) = delete;
  ~stderr_pipe() {
    std::fflush(stderr);
    ::dup2(before_, STDERR_FILENO);
    ::close(before_);
    ::close(ends_[0]);
  }

  // All of it so far, up to the end of the line that has `last`. Waits.
  std::string read_until(const std::string& last) const {
    std::string text;
    for (char c = 0; ::read(ends_[0], &c, 1) == 1;) {
      text += c;
      if (c == '\n' && text.find(last, text.rfind('\n', text.size() - 2) + 1) != text.npos) break;
    }
    return text;
  }

 private:
  int before_ = -1;
  std::array<int, 2> ends_{};
};

}  // namespace rondo_test
