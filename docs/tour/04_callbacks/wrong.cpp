// Wrong: the address sanitizer says "stack-use-after-return".
//
// What was right in chapter 1: a buffer on the stack of the function that reads. But this function
// returns at once, and the bytes come later, to where its buffer was.
#include "callback.hpp"

#include <string>

// begin wrong
[[gnu::noinline]] void read_greeting(tour::operation_loop& loop, int fd, std::string& greeting) {
  char buffer[64];
  char* const begin = buffer;
  tour::async(loop, {.fd = fd, .buffer = buffer, .size = sizeof buffer},
              [&greeting, begin](ssize_t n) {
                if (n > 0) greeting.assign(begin, static_cast<std::size_t>(n));
              });
}
// end wrong

int main() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0) return 0;
  tour::operation_loop loop;
  std::string greeting;
  read_greeting(loop, ends[0], greeting);
  if (write(ends[1], "hello", 5) != 5) return 0;
  loop.run();
  std::printf("%s\n", greeting.c_str());
}
