// Bytes, more bytes, and bytes with the end: each is one edge.
#include "../../stage/check.hpp"
#include "../poller.hpp"

#include EXERCISE

#include <sys/ioctl.h>

namespace {

int left_in(int fd) {
  int bytes = 0;
  ioctl(fd, FIONREAD, &bytes);
  return bytes;
}

}  // namespace

int main() {
  int ends[2];
  tour::check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0, "no socket");
  const tour::descriptor here(ends[0]);
  tour::descriptor there(ends[1]);
  tour::poller poller;
  poller.add(here.get(), EPOLLIN | EPOLLRDHUP | EPOLLET, 0);

  std::string text;
  const auto one_edge = [&] {
    tour::check(poller.wait(0) == 1, "there was no edge");
    return tour::on_readable(here.get(), text);
  };

  tour::check(write(there.get(), "abcdef", 6) == 6, "nothing could be written");
  bool ended = one_edge();
  tour::check(left_in(here.get()) == 0,
              "an edge came with 6 bytes, and %d of them were left behind", left_in(here.get()));
  tour::check(!ended && text == "abcdef", "6 bytes came, and it gave \"%s\"%s", text.c_str(),
              ended ? " and the end" : "");

  tour::check(write(there.get(), "ghi", 3) == 3, "nothing could be written");
  ended = one_edge();
  tour::check(!ended && text == "abcdefghi", "3 more bytes came, and it gave \"%s\"%s",
              text.c_str(), ended ? " and the end" : "");

  tour::check(write(there.get(), "jklm", 4) == 4, "nothing could be written");
  there = tour::descriptor();
  ended = one_edge();
  tour::check(text == "abcdefghijklm", "4 more bytes came, and it gave \"%s\"", text.c_str());
  tour::check(ended, "the end came with the last bytes, as one edge, and was left behind");
  std::puts("three edges, 13 bytes and the end: nothing was left behind");
}
