// Wrong: exits with 1 and says "the page has 10 bytes, and it ended after 5 of them".
//
// The loop of chapter 1 on a socket that does not block, with an end that was written when recv()
// could only say "so many bytes" or "no more". Now it can also say "none now", and that is -1.
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <string>

// begin wrong
bool read_what_is_there(int fd, std::string& text) {
  for (;;) {
    char buffer[4096];
    const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
    if (n <= 0) return true;  // true: that was all
    text.append(buffer, static_cast<std::size_t>(n));
  }
}
// end wrong

int main() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0) return 2;
  std::string text;
  bool ended = false;
  for (const char* piece : {"hello", "world"}) {
    if (write(ends[0], piece, 5) < 0) return 2;
    if (!ended) ended = read_what_is_there(ends[1], text);
  }
  std::printf("the page has 10 bytes, and it ended after %zu of them\n", text.size());
  return text.size() == 10 ? 0 : 1;
}
