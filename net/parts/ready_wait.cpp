#include <rondo/net/parts/ready_wait.hpp>

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>

namespace rondo::net::detail {

bool is_ready(int fd, rondo::detail::direction way) noexcept {
  pollfd p{fd, static_cast<short>(way == rondo::detail::direction::in ? POLLIN : POLLOUT), 0};
  return ::poll(&p, 1, 0) != 0;
}

// The signal is sent to the thread that writes (pipe(7), signal(7)): blocked meanwhile, it is taken
// back before anybody else can see it. One that was pending before stays.
std::int32_t write_quietly(int fd, const void* bytes, std::size_t size) noexcept {
  sigset_t pipe_signal;
  sigset_t before;
  sigset_t pending;
  ::sigemptyset(&pipe_signal);
  ::sigaddset(&pipe_signal, SIGPIPE);
  ::sigemptyset(&pending);
  ::pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  if (::sigismember(&before, SIGPIPE) == 1) ::sigpending(&pending);
  const ssize_t n = ::write(fd, bytes, size);
  const std::int32_t result = n < 0 ? -errno : static_cast<std::int32_t>(n);
  if (result == -EPIPE && ::sigismember(&pending, SIGPIPE) != 1) {
    const timespec now{};
    while (::sigtimedwait(&pipe_signal, nullptr, &now) < 0 && errno == EINTR) {
    }
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return result;
}

}  // namespace rondo::net::detail
