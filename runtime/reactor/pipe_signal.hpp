// A write to a pipe or socket whose reader has gone fails with EPIPE, and raises SIGPIPE where the
// call cannot be told not to: write(2) and sendfile(2). Internal.
//
//   const std::int64_t n = without_pipe_signal(size, [&] { return ::write(fd, bytes, size); });
#pragma once

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <utility>

namespace rondo::detail {

// What the call gives for `size` bytes, or a negative errno. One that fails half-way gives what
// went before, and raises the signal all the same. It is sent to the thread that writes (pipe(7),
// signal(7)): blocked meanwhile, it is taken back before anybody else can see it. One that was
// pending before stays.
template <class Call>
std::int64_t without_pipe_signal(std::size_t size, Call call) noexcept {
  sigset_t pipe_signal;
  sigset_t before;
  sigset_t pending;
  ::sigemptyset(&pipe_signal);
  ::sigaddset(&pipe_signal, SIGPIPE);
  ::sigemptyset(&pending);
  ::pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  if (::sigismember(&before, SIGPIPE) == 1) ::sigpending(&pending);
  const std::int64_t n = call();
  const std::int64_t result = n < 0 ? -std::int64_t{errno} : n;
  if (std::cmp_not_equal(result, size) && ::sigismember(&pending, SIGPIPE) != 1) {
    const timespec now{};
    while (::sigtimedwait(&pipe_signal, nullptr, &now) < 0 && errno == EINTR) {
    }
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return result;
}

}  // namespace rondo::detail
