// What scripts/tour doctor compiles: a coroutine, the standard library, and a socket.
#include <sys/socket.h>
#include <unistd.h>

#include <coroutine>
#include <cstdio>
#include <string>

struct once {
  struct promise_type {
    once get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() {}
  };
};

once say(int fd, std::string text) {
  co_await std::suspend_never();
  if (send(fd, text.data(), text.size(), 0) < 0) std::perror("send");
}

int main() {
  int ends[2];
  char buffer[64];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return 1;
  say(ends[0], "a coroutine has written to a socket");
  const ssize_t n = recv(ends[1], buffer, sizeof buffer, 0);
  std::printf("program: %.*s\n", static_cast<int>(n), buffer);
  return n == 35 ? 0 : 1;
}
