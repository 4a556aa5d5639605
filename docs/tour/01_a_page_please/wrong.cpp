// Wrong: exits with 1 and says "the page has 10 bytes, and one read brought 5 of them".
//
// One recv() with a buffer that is large enough, because "the page is small". A stream has no
// pages: recv() gives what has come by now. Both ends are in this program, so that nothing depends
// on luck.
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <string>

// begin wrong
std::string read_all_of_it(int fd) {
  char buffer[65536];
  const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
  return n > 0 ? std::string(buffer, static_cast<std::size_t>(n)) : std::string();
}
// end wrong

int main() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return 2;
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";
  const std::string first = head + "hello", second = "world";
  if (write(ends[0], first.data(), first.size()) < 0) return 2;
  const std::string page = read_all_of_it(ends[1]);
  if (write(ends[0], second.data(), second.size()) < 0) return 2;
  const std::size_t body = page.size() - head.size();
  std::printf("the page has 10 bytes, and one read brought %zu of them\n", body);
  return body == 10 ? 0 : 1;
}
