// A read that is told to stop: before it begins, while it waits, when its bytes have just come, and
// when it is over. No byte is lost, and nobody who is gone is told of any.
#include "../stage/check.hpp"
#include "../stage/pair.hpp"
#include "../stage/turns.hpp"
#include "letter.hpp"
#include "read_some.hpp"

#include <string>

using tour::task;

namespace {

task<> read_twice(tour::loop& l, int fd, std::string& got) {
  for (int i = 0; i < 2; ++i) {
    char bytes[8];
    const ssize_t n = co_await tour::read_some(l, fd, bytes, sizeof bytes);
    got.append(bytes, static_cast<std::size_t>(n));
  }
}

void arrives(const tour::connected_pair& c, const char* text, std::size_t n) {
  tour::expect(write(c.there.get(), text, n) == static_cast<ssize_t>(n), "nothing was written");
}

task<> before(tour::loop& l) {
  const tour::connected_pair c;
  std::string got;
  arrives(c, "a", 1);
  tour::job j(l, read_twice(l, c.here.get(), got));
  j.cancel();
  co_await tour::some_turns(l);
  tour::expect(j.stopped() && got.empty(), "told to stop before it began, it has read");
}

task<> while_it_waits(tour::loop& l) {
  const tour::connected_pair c;
  std::string got, later;
  tour::job j(l, read_twice(l, c.here.get(), got));
  co_await tour::some_turns(l);
  j.cancel();
  j.cancel();
  co_await tour::some_turns(l);
  tour::expect(j.stopped() && got.empty(), "told to stop while it waited, it has not stopped");
  arrives(c, "b", 1);
  tour::job next(l, read_twice(l, c.here.get(), later));
  co_await tour::some_turns(l);
  tour::expect(later == "b", "a byte went to somebody who is gone");
  next.cancel();
  co_await tour::some_turns(l);
  tour::expect(next.stopped(), "it has not stopped at its second wait");
}

// The bytes are there, so that the read is completed in the step in which it begins; the job has
// not been woken yet when it is told to stop, in the same turn.
task<> when_its_bytes_have_come(tour::loop& l) {
  const tour::connected_pair c;
  std::string got;
  arrives(c, "c", 1);
  tour::job j(l, read_twice(l, c.here.get(), got));
  co_await tour::next_turn{l};
  j.cancel();
  co_await tour::some_turns(l);
  tour::expect(got == "c", "a byte was taken from the socket, and lost");
  tour::expect(j.stopped(), "it has not stopped at its next wait");
}

task<> when_it_is_over(tour::loop& l) {
  const tour::connected_pair c;
  std::string got;
  arrives(c, "0123456789", 10);
  tour::job j(l, read_twice(l, c.here.get(), got));
  co_await tour::some_turns(l);
  tour::expect(j.ended() && got == "0123456789", "it has not read all");
  j.cancel();
  tour::expect(!j.stopped(), "it has returned, and says that it was stopped");
}

}  // namespace

int main() {
  tour::timed_loop l;
  l.spawn(before(l));
  l.spawn(while_it_waits(l));
  l.spawn(when_its_bytes_have_come(l));
  l.spawn(when_it_is_over(l));
  l.run();
}
