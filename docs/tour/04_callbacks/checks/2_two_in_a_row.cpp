// Two texts that do not fit the socket's buffer, and are gone when they have been handed over; a
// reader on the same loop; then a peer that has gone.
// Options: -fsanitize=address -g1
#include "../../stage/address_check.hpp"
#include "../../stage/check.hpp"

#include EXERCISE

#include <cstring>

namespace {

struct reader {
  tour::operation_loop& loop;
  int fd;
  std::string got;
  char buffer[4096];

  void read_on() {
    tour::async(loop, {.fd = fd, .buffer = buffer, .size = sizeof buffer}, [this](ssize_t n) {
      if (n <= 0) return;
      got.append(buffer, static_cast<std::size_t>(n));
      read_on();
    });
  }
};

}  // namespace

int main() {
  constexpr std::size_t size = 50'000;
  int ends[2];
  tour::check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0, "no socket");
  const tour::descriptor here(ends[0]);
  tour::descriptor there(ends[1]);
  const int small = 4096;
  setsockopt(here.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);

  tour::operation_loop loop;
  int done = 0;
  reader r{loop, there.get(), {}, {}};
  tour::send_both(loop, here.get(), std::string(size, 'a'), std::string(size, 'b'), [&](int error) {
    ++done;
    tour::check(error == 0, "nothing stands in the way, and it says: %s", std::strerror(error));
    shutdown(here.get(), SHUT_WR);
  });
  r.read_on();
  tour::check(done == 0, "it says that all has gone, before there was room for it");
  loop.run();
  tour::check(done == 1, "done was called %d times", done);
  tour::check(r.got.size() == 2 * size, "%zu bytes were sent, and %zu came", 2 * size,
              r.got.size());
  tour::check(r.got == std::string(size, 'a') + std::string(size, 'b'),
              "they came in another order");

  tour::check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0, "no socket");
  const tour::descriptor alone(ends[0]);
  close(ends[1]);
  int error = 0;
  done = 0;
  tour::send_both(loop, alone.get(), "first", "second", [&](int e) {
    ++done;
    error = e;
  });
  loop.run();
  tour::check(done == 1, "nobody listens any more, and done was called %d times", done);
  tour::check(error == EPIPE, "nobody listens any more, and it says: %s", std::strerror(error));
  std::puts("both in their order, done once, and an error is told once");
}
