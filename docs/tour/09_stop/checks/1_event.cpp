// Jobs that wait for an event: one is stopped before it is set, one in the same moment, one never.
// Options: -fsanitize=address -g1
#include "../../stage/address_check.hpp"
#include "../../stage/check.hpp"
#include "../../stage/turns.hpp"

#include EXERCISE

#include <string>

namespace {

tour::task<> wait_for(tour::event& e, std::string& log, char name) {
  co_await e.wait();
  log += name;
}

tour::task<> all(tour::timed_loop& l, std::string& log) {
  tour::event e;
  tour::job a(l, wait_for(e, log, 'a')), b(l, wait_for(e, log, 'b')), c(l, wait_for(e, log, 'c'));
  co_await tour::some_turns(l);
  b.cancel();
  co_await tour::some_turns(l);
  tour::check(b.stopped(), "one was told to stop while it waited, and it has not ended");
  e.set();
  c.cancel();  // in the same moment, and after it was woken
  co_await tour::some_turns(l);
  tour::check(a.ended() && c.ended(), "the event was set, and somebody still waits for it");
  tour::check(log == "ac", "those who were woken are a and c, and \"%s\" went on", log.c_str());
  tour::job late(l, wait_for(e, log, 'd'));
  co_await tour::some_turns(l);
  tour::check(late.ended() && log == "acd", "the event was set already, and somebody waits for it");
}

}  // namespace

int main() {
  tour::timed_loop l;
  std::string log;
  l.spawn(all(l, log));
  l.run();
  std::puts("whoever lets go leaves the list, and who was woken goes on");
}
