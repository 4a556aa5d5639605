// Waiting until a descriptor can be read or written, and then moving bytes without waiting: for
// pipes, terminals and whatever else has no operation of its own in the reactors. Internal.
#pragma once

#include <rondo/runtime/core/clock.hpp>
#include <rondo/runtime/io.hpp>

#include <poll.h>

#include <cstddef>
#include <cstdint>

namespace rondo::net::detail {

// Completes with events, or with a reactor's negative result.
class [[nodiscard("without co_await nothing happens"), gnu::warn_unused]] ready_wait final
    : public rondo::detail::io_wait {
 public:
  ready_wait(rondo::detail::descriptor d, rondo::detail::direction way) noexcept
      : io_wait(d, rondo::detail::io_call::poll(
                       way, way == rondo::detail::direction::in ? POLLIN : POLLOUT)) {}
  std::int32_t await_resume() const noexcept { return result; }
};

// How often somebody looks in the simulation, whose reactor knows no descriptors of the system.
inline constexpr std::chrono::milliseconds simulated_look(1);

// True when a read or write would not wait, or would fail: now, in one system call.
bool is_ready(int fd, rondo::detail::direction way) noexcept;

// write(2) without SIGPIPE, whatever its disposition is: -EPIPE alone tells that nobody reads.
// Bytes, or a negative errno.
std::int32_t write_quietly(int fd, const void* bytes, std::size_t size) noexcept;

}  // namespace rondo::net::detail
