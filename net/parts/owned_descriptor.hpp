// A descriptor of the system on its way between its maker and its keeper: closed unless somebody
// takes it. Internal.
#pragma once

#include <rondo/runtime/reactor/reactor.hpp>

#include <utility>

namespace rondo::net::detail {

class owned_descriptor {
 public:
  owned_descriptor() noexcept = default;
  explicit owned_descriptor(int fd) noexcept : fd_(fd) {}
  owned_descriptor(owned_descriptor&& other) noexcept : fd_(other.release()) {}
  owned_descriptor& operator=(owned_descriptor&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = other.release();
    }
    return *this;
  }
  ~owned_descriptor() { reset(); }

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  int release() noexcept { return std::exchange(fd_, -1); }
  void reset() noexcept {
    if (fd_ >= 0) rondo::detail::close_unattached(release());
  }

 private:
  int fd_ = -1;
};

}  // namespace rondo::net::detail
