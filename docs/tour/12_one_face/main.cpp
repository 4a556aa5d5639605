// One program on two back ends: the same words, by another number of system calls.
#include "../stage/check.hpp"
#include "../stage/on_tour.hpp"  // on Rondo: "../stage/on_rondo.hpp"

#include <string>

// begin echo
rt::task<> echo(rt::stream s) {
  char text[64];
  while (const std::size_t n = co_await rt::read_some(s, text, sizeof text))
    co_await rt::write_all(s, std::string_view(text, n));
}

rt::task<> hear(rt::stream& s, std::string& said) {
  char text[64];
  const std::size_t n = co_await rt::read_some(s, text, sizeof text);
  said += " " + std::string(text, n);
}

rt::task<> talk(std::string& said) {
  auto ends = rt::open_pair();
  co_await rt::with_group([&](rt::group& g) -> rt::task<> {
    g.spawn(echo(std::move(ends.second)));
    for (const char* word : {"hello", "again"}) {
      co_await rt::write_all(ends.first, word);
      co_await hear(ends.first, said);
    }
    try {
      co_await rt::timeout(20, hear(ends.first, said));
    } catch (const rt::timed_out&) {
      said += " (silence)";
    }
    co_await rt::write_all(ends.first, "and now?");
    co_await hear(ends.first, said);
    g.cancel();  // the echo has nothing more to do
  });
}
// end echo

// begin all
rt::task<> talk_all(std::string (&said)[8], long& calls) {
  const long before = rt::system_calls();
  co_await rt::with_group([&](rt::group& g) -> rt::task<> {
    for (std::string& s : said) g.spawn(talk(s));
    co_return;
  });
  calls = rt::system_calls() - before;
}
// end all

int main() {
  std::string by_epoll[8], by_ring[8];
  long calls = 0;
  rt::run(rt::backend::epoll, talk_all(by_epoll, calls));
  std::printf("epoll:%s, by %ld system calls\n", by_epoll[0].c_str(), calls);
  rt::run(rt::backend::ring, talk_all(by_ring, calls));
  for (int i = 0; i < 8; ++i)
    tour::expect(by_ring[i] == by_epoll[i] && by_ring[i] == by_ring[0], "\"%s\"",
                 by_ring[i].c_str());
  std::printf("io_uring: the same, by %ld\n", calls);
}
