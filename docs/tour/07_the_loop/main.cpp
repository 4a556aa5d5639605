// An echo server and its clients in one loop, and then a loop that has nothing to do.
#include "../stage/check.hpp"
#include "../stage/clock.hpp"
#include "../stage/pair.hpp"
#include "loop.hpp"

#include <pthread.h>
#include <sys/socket.h>

#include <cstring>

using tour::loop;
using tour::task;

// begin echo
task<> echo(loop& l, int fd) {
  char buffer[64];
  for (;;) {
    const auto n = static_cast<std::size_t>(co_await tour::recv(l, fd, buffer, sizeof buffer));
    if (n == 0) co_return;
    co_await tour::send(l, fd, buffer, n);
  }
}

task<> client(loop& l, int fd, int rounds, int& answers) {
  char buffer[64];
  for (int i = 0; i < rounds; ++i) {
    co_await tour::send(l, fd, "hello", 5);
    const ssize_t n = co_await tour::recv(l, fd, buffer, sizeof buffer);
    if (n == 5 && std::memcmp(buffer, "hello", 5) == 0) ++answers;
  }
  shutdown(fd, SHUT_WR);
}
// end echo

// begin idle
task<> wait_long(loop& l, int fd, long& turns, double& work) {
  char buffer[8];
  const long before = l.turns();
  const double worked = tour::worked();
  co_await tour::recv(l, fd, buffer, sizeof buffer);
  turns = l.turns() - before - 1;  // this one does not count
  work = tour::worked() - worked;
}

void* write_later(void* fd) {
  const timespec a_tenth{0, 100'000'000};
  nanosleep(&a_tenth, nullptr);
  if (write(*static_cast<int*>(fd), "x", 1) != 1) std::abort();
  return nullptr;
}
// end idle

int main() {
  constexpr int clients = 3, rounds = 64;
  loop l;
  const tour::connected_pair pairs[clients];
  int answers = 0;
  for (const tour::connected_pair& p : pairs) {
    l.spawn(echo(l, p.there.get()));
    l.spawn(client(l, p.here.get(), rounds, answers));
  }
  l.run();
  tour::expect(answers == clients * rounds, "%d answers", answers);
  tour::expect(l.steps() >= 4 * answers && l.turns() <= l.steps(), "%ld steps", l.steps());
  std::printf("%d clients, %d round trips: %ld turns, %ld steps\n", clients, answers, l.turns(),
              l.steps());

  const tour::connected_pair quiet;
  int fd = quiet.there.get();
  pthread_t thread{};
  pthread_create(&thread, nullptr, write_later, &fd);
  long turns = 0;
  double work = 0;
  l.spawn(wait_long(l, quiet.here.get(), turns, work));
  l.run();
  pthread_join(thread, nullptr);
  std::printf("nothing to do for 0.1 s: %ld turns, %.1f ms of work\n", turns, work * 1000);
}
