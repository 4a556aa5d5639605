// Late events, made by real descriptors: two connections have something to read, the first event
// makes us close the second one, and its number is given to a third.
#include "../../stage/check.hpp"
#include "../poller.hpp"

#include EXERCISE

#include <sys/socket.h>

struct tour::connection {
  tour::descriptor here, there;

  connection() {
    int ends[2];
    tour::check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0, "no socket");
    here = tour::descriptor(ends[0]);
    there = tour::descriptor(ends[1]);
  }
  int fd() const { return here.get(); }
};

int main() {
  tour::connection_table table;
  tour::poller poller;
  tour::connection first, second;
  for (tour::connection* c : {&first, &second}) {
    poller.add(c->fd(), EPOLLIN | EPOLLET, table.add(c->fd(), *c));
    tour::check(write(c->there.get(), "x", 1) == 1, "nothing could be written");
  }
  tour::check(poller.wait(0) == 2, "there were no two events");
  const std::uint64_t of_first = poller.event(0).data.u64, of_second = poller.event(1).data.u64;
  tour::check(table.find(of_first) == &first && table.find(of_second) == &second,
              "an event does not find the connection that it is for");

  const int number = second.fd();
  table.remove(number);
  tour::check(table.find(of_second) == nullptr, "an event finds a connection that was removed");
  second.here = tour::descriptor();
  second.there = tour::descriptor();
  tour::connection third;
  tour::check(third.fd() == number, "the number was not used again");
  const std::uint64_t of_third = table.add(third.fd(), third);
  tour::check(table.find(of_second) != &third,
              "an event of the connection that is gone finds the one that has its number now");
  tour::check(table.find(of_second) == nullptr, "an event of nobody finds somebody");
  tour::check(table.find(of_third) == &third, "the new connection is not found by its own tag");
  tour::check(table.find(of_first) == &first, "the first connection is not found any more");

  std::uint64_t last = of_third;
  for (int i = 0; i < 1000; ++i) {
    table.remove(number);
    const std::uint64_t next = table.add(number, third);
    tour::check(table.find(last) == nullptr && table.find(next) == &third,
                "after the number was used %d times more, an old tag finds somebody", i + 1);
    last = next;
  }
  std::puts("a number used 1,002 times, and no event of an earlier owner found anybody");
}
