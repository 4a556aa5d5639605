#include <rondo/net/parts/ready_wait.hpp>
#include <rondo/runtime/reactor/pipe_signal.hpp>

#include <unistd.h>

namespace rondo::net::detail {

bool is_ready(int fd, rondo::detail::direction way) noexcept {
  pollfd p{fd, static_cast<short>(way == rondo::detail::direction::in ? POLLIN : POLLOUT), 0};
  return ::poll(&p, 1, 0) != 0;
}

std::int32_t write_quietly(int fd, const void* bytes, std::size_t size) noexcept {
  return static_cast<std::int32_t>(
      rondo::detail::without_pipe_signal(size, [&] { return ::write(fd, bytes, size); }));
}

}  // namespace rondo::net::detail
