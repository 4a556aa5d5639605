// The tests that docs/testing.md shows are tests of this program.
#include "stage.hpp"

namespace guide::testing {
namespace {

int attempts = 0;

task<int> flaky() {
  if (++attempts < 2) throw std::runtime_error("not yet");
  co_return 42;
}

task<> scenario() {
  attempts = 0;
  const auto again = retry().backoff(backoff::constant(1s));
  co_await again(flaky);
}

// begin simulated
TEST(Upload, IsTriedAgainAfterASecond) {
  rondo::run(scenario(), rondo::run_options().reactor(rondo::reactor_kind::simulated));
}
// end simulated

void start_today() {
  // begin today
  rondo::simulation_options today;
  today.start(std::chrono::system_clock::now());
  // end today
  run(work(), run_options().simulation(today));
}

task<> watched(task_group& g) {
  attempts = 0;
  const auto again = retry().backoff(backoff::constant(1s));
  // begin idle
  auto call = g.spawn(again(flaky));  // a retry with a delay of 1 s
  co_await rondo::wait_until_idle();
  EXPECT_EQ(attempts, 1);             // the first attempt has been made, and no more
  co_await rondo::sleep_for(1s);      // to the moment of the second one …
  co_await rondo::wait_until_idle();  // … and past whatever happens in it
  EXPECT_EQ(attempts, 2);
  // end idle
  EXPECT_EQ(co_await call, 42);
}

TEST(Testing, ARetryIsWatchedAttemptByAttempt) {
  start_today();
  simulated([] { return with_task_group(watched); });
}

// Sends n bytes; how many were lost. A connection that breaks is made again, and the rest is sent.
task<int> upload(int n) {
  auto listener = net::tcp_listener::bind(net::endpoint::parse("10.0.0.1:80"));
  int arrived = 0;
  const auto receive = [&]() -> task<> {
    while (arrived < n) {
      const auto serve = [&](net::tcp_stream s) -> task<> {
        std::array<std::byte, 16> buffer;
        while (const std::size_t got = co_await s.read_some(buffer)) {
          arrived += static_cast<int>(got);
          co_await s.write_all(std::span(buffer).first(got));
        }
      };
      auto accepted = co_await as_result(listener.accept());
      if (accepted.has_value()) use(co_await as_result(serve(std::move(accepted).value())));
    }
  };
  int confirmed = 0;
  const auto send = [&]() -> task<> {
    const auto once = [&]() -> task<> {
      net::tcp_stream s = co_await net::tcp_stream::connect("db", 80);
      std::array<std::byte, 1> one{};
      while (confirmed < n) {
        co_await s.write_all(one);
        if (co_await s.read_some(one) == 0) co_return;
        ++confirmed;
      }
    };
    while (confirmed < n) use(co_await as_result(once()));
  };
  co_await gather(receive(), send());
  co_return n - confirmed;
}

// begin seeds
simulation_options world(std::uint64_t seed) {
  simulation_options w;
  w.seed(seed).latency(1ms, 20ms).short_transfers(0.2).refusals(0.1).resets(0.001);
  w.host("db", "10.0.0.1");
  return w;
}

TEST(Upload, LosesNothingWhateverTheNetworkDoes) {
  rondo::test::seeds(0, 200, [](std::uint64_t seed) {
    int lost = rondo::test::run_cleanly(rondo::run_options().simulation(world(seed)), upload, 100);
    rondo::test::expect(lost == 0, "nothing is lost");
  });
}
// end seeds

semaphore permits(3);

task<> operation() {
  const auto permit = co_await permits.acquire();
  co_await sleep_for(1s);
}

// begin cancelled
TEST(Transfer, GivesItsPermitBackWhereverItIsCancelled) {
  rondo::test::cancel_at_every_wait(
      []() -> task<> { co_await operation(); },
      [] { rondo::test::expect(permits.available() == 3, "all permits are back"); });
}
// end cancelled

task<> ping(net::memory_stream& s) {
  co_await s.write_all(net::bytes_of("PING\r\n"));
  net::buffered_reader lines(s);
  EXPECT_EQ(co_await lines.read_line(100), "PONG");
}

// begin script
TEST(Ping, SurvivesAnAnswerInPieces) {
  rondo::test::cancel_at_every_wait([]() -> task<> {
    auto [mine, peer] = net::make_memory_streams();
    co_await with_task_group([&](task_group& g) -> task<> {
      auto answers =
          test::script().expects("PING\r\n").sends_in_pieces("PONG\r\n", 1, 10ms).expects_end();
      g.spawn(test::play(std::move(answers), net::any_stream(std::move(peer))));
      co_await ping(mine);
      co_await mine.shutdown_write();
    });
  });
}
// end script

}  // namespace
}  // namespace guide::testing
