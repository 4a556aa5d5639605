// Wrong: the address sanitizer says "stack-use-after-return".
//
// A parameter by reference, as one writes it for any function. The coroutine keeps the reference
// and not the string, and the string is gone when the coroutine goes on.
#include "coroutine.hpp"

#include <string>

// begin wrong
tour::coroutine say(tour::operation_loop& loop, int fd, const std::string& text) {
  char buffer[8];
  co_await tour::completion(loop, {.fd = fd, .buffer = buffer, .size = sizeof buffer});
  std::printf("%s, and %c\n", text.c_str(), buffer[0]);
}

tour::coroutine say_something(tour::operation_loop& loop, int fd) {
  return say(loop, fd, std::string("a text that is too long to stand in the string itself"));
}
// end wrong

int main() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0) return 0;
  if (write(ends[1], "x", 1) != 1) return 0;
  tour::operation_loop loop;
  tour::coroutine c = say_something(loop, ends[0]);
  c.resume();
  loop.run();
}
