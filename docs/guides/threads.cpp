#include "stage.hpp"

#include <atomic>
#include <thread>

namespace guide::threads {
namespace {

std::atomic<int> used = 0;
void use(int n) { used += n; }

// begin elsewhere
task<> count_elsewhere() {
  loop_remote home = this_loop().remote();
  std::jthread worker([home] {
    home.post([] { use(1); });  // runs on the loop's thread
  });
  co_await sleep_for(1s);
}
// end elsewhere

// begin blocking
task<std::size_t> length(std::string name) {
  const std::string text = co_await to_thread(read_file, std::move(name));
  co_return text.size();
}
// end blocking

// begin cores
task<> serve_on_one(net::endpoint at) {
  auto listener = net::tcp_listener::bind(at, net::listen_options().reuse_port(true));
  co_await net::serve(std::move(listener), [](net::tcp_stream s) -> task<> {
    std::array<std::byte, 4096> buffer;
    while (const std::size_t n = co_await s.read_some(buffer))
      co_await s.write_all(std::span(buffer).first(n));
  });
}

void serve_on_four() {
  const auto at = net::endpoint::parse("0.0.0.0:8080");
  run_on_threads(4, [at](std::size_t) { return serve_on_one(at); });
}
// end cores

// begin spread
void spread(std::size_t workers) {
  thread_channel<int> work(100);
  run_on_threads(workers + 1, [&work](std::size_t i) -> task<> {
    if (i == 0) {
      for (int n = 0; n < 1000; ++n) co_await work.put(n);
      work.close();
    } else {
      while (auto n = co_await work.next()) use(*n);
    }
  });
}
// end spread

TEST(Threads, APostRunsOnTheLoop) {
  used = 0;
  run([]() -> task<> {
    EXPECT_FALSE(co_await try_for(0s, sleep_for(1s)));
    co_await count_elsewhere();
    EXPECT_EQ(co_await length("x"), 13u);
  });
  EXPECT_EQ(used, 1);
}

TEST(Threads, EveryItemReachesOneWorker) {
  [[maybe_unused]] const auto program = serve_on_four;
  used = 0;
  spread(2);
  EXPECT_EQ(used, 999 * 1000 / 2);
}

}  // namespace
}  // namespace guide::threads
