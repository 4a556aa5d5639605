// Waiting for a socket to be connected.
#pragma once

#include <rondo/net/socket.hpp>
#include <rondo/runtime/io.hpp>

#include <sys/socket.h>

namespace rondo::net::detail {

// Completes with 0, or what stood in the way as the reactor gives it.
class [[nodiscard("without co_await nothing happens"), gnu::warn_unused]] connect_wait final
    : public rondo::detail::io_wait {
 public:
  connect_wait(rondo::detail::descriptor d, const endpoint& to) noexcept
      : io_wait(d, rondo::detail::io_call::connect(nullptr, 0)), size_(to.to_sockaddr(name_)) {}
  bool begin(rondo::detail::job& j) noexcept override {
    // Here, because an awaiter may move until it is awaited.
    set_name(reinterpret_cast<const sockaddr*>(&name_), size_);
    return io_wait::begin(j);
  }
  std::int32_t await_resume() const noexcept { return result; }

 private:
  sockaddr_storage name_{};
  std::uint32_t size_;
};

}  // namespace rondo::net::detail
