// Four pages, one of which never comes, and a look at what is left afterwards.
#include "../09_stop/read_some.hpp"
#include "../stage/check.hpp"
#include "../stage/open_descriptors.hpp"
#include "../stage/pair.hpp"
#include "group.hpp"

#include <cstring>

using tour::group;
using tour::task;
using tour::timed_loop;

// begin pages
task<> read_page(timed_loop& l, tour::descriptor socket, int& pages) {
  char bytes[64];
  while (co_await tour::read_some(l, socket.get(), bytes, sizeof bytes) > 0) continue;
  ++pages;
}

task<> four_pages(timed_loop& l, tour::descriptor* sockets, int& pages) {
  co_await with_group(l, [&](group& g) -> task<> {
    for (int i = 0; i < 4; ++i) g.spawn(read_page(l, std::move(sockets[i]), pages));
    co_return;
  });
}
// end pages

// begin ask
task<> ask(timed_loop& l, tour::descriptor* sockets) {
  int pages = 0;
  try {
    co_await tour::timeout(l, 300, four_pages(l, sockets, pages));
    std::printf("all pages came\n");
  } catch (const tour::timed_out&) {
    std::printf("%d of 4 pages came in time\n", pages);
  }
}

struct no_page {};

task<> an_hour(timed_loop& l) { co_await tour::pause(l, 3'600'000); }

task<> one_fails(timed_loop& l) {
  try {
    co_await with_group(l, [&](group& g) -> task<> {
      g.spawn(an_hour(l));
      co_await tour::pause(l, 1);
      throw no_page();
    });
  } catch (const no_page&) {
    std::printf("one failed, and nobody waited for an hour\n");
  }
}
// end ask

// begin run
task<> run(timed_loop& l, task<> t) {
  tour::job j(l, std::move(t));
  while (!j.ended()) co_await tour::sleep_for(l, 1);
}
// end run

int main() {
  timed_loop l;
  const int open = tour::open_descriptors();
  {
    tour::connected_pair pairs[4];
    tour::descriptor sockets[4];
    for (int i = 0; i < 4; ++i) {
      sockets[i] = std::move(pairs[i].here);
      if (i == 2) continue;  // this one is silent
      tour::expect(write(pairs[i].there.get(), "a page", 6) == 6, "nothing could be written");
      pairs[i].there = tour::descriptor();
    }
    l.spawn(run(l, ask(l, sockets)));
    l.run();
  }
  l.spawn(run(l, one_fails(l)));
  l.run();
  std::printf("left: %d descriptors, %s\n", tour::open_descriptors() - open,
              l.timers.next() == INT64_MAX ? "no timer" : "a timer");
}
