#pragma once

#include <thread>
#include <utility>

// A thread that is joined at the end of its scope: std::jthread, which libc++ 19 has only as an
// experiment.
class joined_thread : public std::thread {
 public:
  using std::thread::thread;
  joined_thread(joined_thread&&) noexcept = default;
  joined_thread& operator=(joined_thread&& other) noexcept {
    if (joinable()) join();
    std::thread::operator=(std::move(other));
    return *this;
  }
  ~joined_thread() {
    if (joinable()) join();
  }
};
