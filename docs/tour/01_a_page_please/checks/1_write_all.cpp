// A small buffer, a megabyte, and a signal when the first bytes have gone. The reader knows that
// the writer is inside send(), because bytes have come and they cannot be all; so the signal
// interrupts it there, every time.
#include "../../stage/check.hpp"
#include "../descriptor.hpp"

#include EXERCISE

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include <string>

namespace {

constexpr std::size_t size = 1'000'000;

struct reader {
  int fd;
  pthread_t writer;
  std::string got;
};

void* read_to_the_end(void* p) {
  reader& r = *static_cast<reader*>(p);
  pollfd come{r.fd, POLLIN, 0};
  poll(&come, 1, -1);
  pthread_kill(r.writer, SIGUSR1);
  char buffer[65536];
  for (ssize_t n = 0; (n = recv(r.fd, buffer, sizeof buffer, 0)) > 0;)
    r.got.append(buffer, static_cast<std::size_t>(n));
  return nullptr;
}

}  // namespace

int main() {
  struct sigaction nothing{};
  nothing.sa_handler = [](int) {};
  sigaction(SIGUSR1, &nothing, nullptr);  // without SA_RESTART

  int ends[2];
  tour::check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "no socket could be had");
  tour::descriptor write_end(ends[0]), read_end(ends[1]);
  const int small = 4096;
  setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);

  std::string data(size, ' ');
  for (std::size_t i = 0; i < size; ++i) data[i] = static_cast<char>('a' + i % 23);
  reader r{ends[1], pthread_self(), {}};
  pthread_t thread{};
  pthread_create(&thread, nullptr, read_to_the_end, &r);
  const bool all = tour::write_all(ends[0], data.data(), size);
  shutdown(ends[0], SHUT_WR);
  pthread_join(thread, nullptr);
  tour::check(all, "it says that not all has gone, and nothing stood in the way");
  tour::check(r.got.size() == size, "it says that %zu bytes have gone, and %zu came", size,
              r.got.size());
  tour::check(r.got == data, "other bytes came than were sent");

  read_end = tour::descriptor();
  tour::check(!tour::write_all(ends[0], "x", 1),
              "nobody reads any more, and it says that all has gone");
  std::puts("1,000,000 bytes through a small buffer, and a signal on the way: all came");
}
