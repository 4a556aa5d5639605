// What epoll tells, and when; the three pages again; and an event that comes too late.
#include "../02_ask_all_at_once/fetching.hpp"
#include "../stage/check.hpp"
#include "../stage/clock.hpp"
#include "../stage/server.hpp"
#include "poller.hpp"

#include <sys/socket.h>

#include <cstring>
#include <vector>

struct connected_pair {
  tour::descriptor here, there;

  connected_pair() {
    int ends[2];
    tour::expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0, "no socket");
    here = tour::descriptor(ends[0]);
    there = tour::descriptor(ends[1]);
  }
  void arrives(const char* text) const {
    tour::expect(write(there.get(), text, std::strlen(text)) > 0, "nothing could be written");
  }
};

const char* told(int events) { return events > 0 ? "told" : "not told"; }

// begin edge
void six_bytes(const char* name, std::uint32_t edge) {
  const connected_pair c;
  tour::poller poller;
  poller.add(c.here.get(), EPOLLIN | edge, 0);
  c.arrives("abcdef");
  std::printf("%s: 6 bytes come: %s", name, told(poller.wait(0)));
  char buffer[3];
  tour::expect(recv(c.here.get(), buffer, 3, 0) == 3, "no 3 bytes could be read");
  std::printf("; 3 are read, 3 are left: %s", told(poller.wait(0)));
  c.arrives("g");
  std::printf("; 1 more comes: %s\n", told(poller.wait(0)));
}
// end edge

void three_pages() {
  tour::server server;
  tour::poller poller;
  const double begun = tour::now();
  int waits = 0, events = 0;
  // begin pages
  std::vector<tour::fetching> all;
  for (const char* path : {"/1000/60", "/2000/80", "/3000/100"}) {
    all.emplace_back(server.port(), path);
    poller.add(all.back().fd(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, all.size() - 1);
  }
  for (std::size_t left = all.size(); left > 0;) {
    const int n = poller.wait();
    ++waits, events += n;
    for (int i = 0; i < n; ++i) {
      tour::fetching& f = all[poller.event(i).data.u64];
      if (f.waits_for() == 0) continue;
      f.go_on();
      if (f.waits_for() == 0) --left;
    }
  }
  // end pages
  for (const tour::fetching& f : all)
    tour::expect(f.result().status == 200, "%s: %s", f.failed_in(), std::strerror(f.error()));
  tour::expect(events >= 3 && waits <= events, "%d waits brought %d events", waits, events);
  std::printf("3 pages in %.2f s: %d waits brought %d events, and nobody looked at anything else\n",
              tour::now() - begun, waits, events);
}

// begin stale
void a_late_event() {
  connected_pair first, second;
  tour::poller poller;
  for (const connected_pair* c : {&first, &second}) {
    poller.add(c->here.get(), EPOLLIN | EPOLLET, static_cast<std::uint64_t>(c->here.get()));
    c->arrives("hello");
  }
  const int n = poller.wait(0);
  // The first event is handled. It makes us close the second connection, and begin another one.
  const int number = second.here.get();
  second = connected_pair();  // what was there is closed when the new one stands …
  second = connected_pair();  // … so that this one is given its numbers
  // Now the second event's turn has come. Whose is it?
  const auto tag = static_cast<int>(poller.event(1).data.u64);
  tour::expect(n == 2 && tag == number && second.here.get() == number, "the number was not reused");
  char buffer[8];
  const ssize_t got = recv(tag, buffer, sizeof buffer, 0);
  std::printf("late: descriptor %d is told of bytes, and has %s\n", tag, got < 0 ? "none" : "some");
}
// end stale

int main() {
  six_bytes("level", 0);
  six_bytes("edge", EPOLLET);
  three_pages();
  a_late_event();
}
