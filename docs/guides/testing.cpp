// The tests that docs/testing.md shows are tests of this program.
#include "stage.hpp"

#include "support/source_root.hpp"

#include <fstream>
#include <iterator>

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

// What the page shows of an output.
std::string shown(const std::string& name) {
  std::ifstream file(rondo_test::source_root() / "docs/guides" / (name + ".txt"));
  return std::string{std::istreambuf_iterator<char>(file), {}};
}

template <class Fn>
std::string failure_of(Fn fn) {
  try {
    fn();
  } catch (const rondo::test::failure& f) {
    return f.what() + std::string("\n");
  }
  return "no failure\n";
}

// As upload, but takes it that a write writes everything, which a short one does not.
task<int> careless_upload(int n) {
  auto listener = net::tcp_listener::bind(net::endpoint::parse("10.0.0.1:80"));
  const auto receive = [&]() -> task<int> {
    net::tcp_stream s = co_await listener.accept();
    std::array<std::byte, 16> buffer;
    int arrived = 0;
    while (const std::size_t got = co_await s.read_some(buffer)) arrived += static_cast<int>(got);
    co_return arrived;
  };
  const auto send = [&]() -> task<> {
    net::tcp_stream s = co_await net::tcp_stream::connect("db", 80);
    const std::vector<std::byte> all(static_cast<std::size_t>(n));
    co_await s.write_some(all);
    co_await s.shutdown_write();
  };
  auto [arrived, sent] = co_await gather(receive, send);
  co_return n - arrived;
}

TEST(Testing, ASeedThatFindsABugSaysHowToRunItAgain) {
  const auto all = [] {
    rondo::test::seeds(0, 200, [](std::uint64_t seed) {
      simulation_options w;
      w.seed(seed).latency(1ms, 20ms).short_transfers(0.2).host("db", "10.0.0.1");
      const int lost = rondo::test::run_cleanly(run_options().simulation(w), careless_upload, 100);
      rondo::test::expect(lost == 0, "nothing is lost");
    });
  };
  std::string said = failure_of(all);
  // The command is the one by which this program was started.
  const std::size_t command = said.find(' ', said.find("RONDO_TEST_SEED="));
  ASSERT_NE(command, said.npos) << said;
  said.replace(command, said.npos, " ./guides --gtest_filter=Upload.*)\n");
  EXPECT_EQ(said, shown("testing_seed"));
}

TEST(Testing, TheTraceOfAConnectionIsAsShown) {
  const auto meet = []() -> task<> {
    auto listener = net::tcp_listener::bind(net::endpoint::parse("127.0.0.1:0"));
    const auto connect = [&] { return net::tcp_stream::connect(listener.local_endpoint()); };
    auto [theirs, ours] = co_await gather(listener.accept(), connect);
  };
  std::string trace;
  run(meet(),
      run_options().simulation(simulation_options().seed(7).latency(1ms, 20ms).trace(trace)));
  EXPECT_EQ(trace, shown("testing_trace"));
}

TEST(Testing, AScriptSaysWhatItGot) {
  const std::string said = failure_of([] {
    simulated([]() -> task<> {
      auto [mine, peer] = net::make_memory_streams();
      const auto wrong = [](net::memory_stream s) -> task<> {
        co_await s.write_all(net::bytes_of("PUNG\r\n"));
      };
      co_await gather(wrong(std::move(mine)), test::play(test::script().expects("PING\r\n"),
                                                         net::any_stream(std::move(peer))));
    });
  });
  EXPECT_EQ(said, shown("testing_script"));
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
