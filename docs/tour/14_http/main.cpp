// Requests by a pool of two connections, over a network that cuts everything into pieces.
#include "../13_a_world_of_ones_own/simulation.hpp"  // on Rondo: "../stage/on_rondo.hpp"

#include "pool.hpp"

#include "../stage/answers.hpp"

// begin ask
rt::task<> ask(tour::pool& p, const char* path, std::string& said) {
  try {
    said += " " + co_await p.get(path);
  } catch (const tour::bad_message& e) {
    said += std::string(" refused: ") + e.why;
  }
}

rt::task<> requests(rt::group& g) {
  tour::pool p([&g] { return tour::dial_server(g); }, 2);
  std::string one_by_one, together, both, none;
  for (const char* path : {"/hello", "/chunks", "/hello"}) co_await ask(p, path, one_by_one);
  std::printf("3 requests, %d connection:%s\n", p.dialed, one_by_one.c_str());
  co_await rt::with_group([&](rt::group& four) -> rt::task<> {
    for (int i = 0; i < 4; ++i) four.spawn(ask(p, "/hello", together));
    co_return;
  });
  std::printf("4 at once, %d connections:%s\n", p.dialed, together.c_str());
  co_await ask(p, "/both", both);
  std::printf("a length and chunks:%s\n", both.c_str());
  try {
    co_await rt::timeout(50, ask(p, "/never", none));
  } catch (const rt::timed_out&) {
    std::printf("no answer: given up, and %d of 2 places are free\n", p.places.free());
  }
  g.cancel();
}
// end ask

int main() {
  rt::run(rt::simulation{.seed = 7, .most_ms = 5, .short_reads = 0.9}, rt::with_group(requests));
}
