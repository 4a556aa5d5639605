// The tools for tests, tested: what they must find, they find and name, and the right passes.
#include "support/allocations.hpp"
#include "support/child_process.hpp"
#include "support/environment_variable.hpp"
#include "support/run_on.hpp"
#include "support/source_root.hpp"

#include <rondo/net.hpp>
#include <rondo/runtime.hpp>
#include <rondo/runtime/core/frame_pool.hpp>
#include <rondo/runtime/core/frame_quarantine.hpp>
#include <rondo/testing.hpp>

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace tools_test {
namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::simulate;

template <class Fn>
std::string failure_of(Fn fn) {
  try {
    fn();
  } catch (const test::failure& f) {
    return f.what();
  }
  return "no failure";
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// --- planted faults, in a program without GoogleTest ---------------------------------------------

rondo_test::finished planted(const char* fault) {
  return rondo_test::run_command({std::getenv("RONDO_PLANTED_FAULTS"), fault});
}
class PlantedFaults : public testing::Test {
  void SetUp() override {
    if (!std::getenv("RONDO_PLANTED_FAULTS"))
      GTEST_SKIP() << "RONDO_PLANTED_FAULTS does not say where the program is";
  }
};
void expect_found(const char* fault, const char* sentence) {
  const auto [status, output] = planted(fault);
  EXPECT_NE(status, 0) << fault;
  EXPECT_TRUE(has(output, "cancelled ") || has(output, "Sanitizer")) << output;
  EXPECT_TRUE(has(output, sentence) || has(output, "Sanitizer")) << output;
}

TEST_F(PlantedFaults, TheRightAwaitablePasses) {
  const auto [status, output] = planted("none");
  EXPECT_EQ(status, 0) << output;
  EXPECT_EQ(output, "nothing is wrong\n");
}
TEST_F(PlantedFaults, AWaitThatStaysInLineWhenItIsCancelledIsNamed) {
  expect_found("stays_in_line", "SIGSEGV");
  std::ifstream page(rondo_test::source_root() / "docs/guides/testing_crash.txt");
  const std::string shown{std::istreambuf_iterator<char>(page), {}};  // by docs/testing.md
  const std::string output = planted("stays_in_line").output;
  EXPECT_TRUE(has(output, shown) || has(output, "Sanitizer")) << output;
}
TEST_F(PlantedFaults, AWaitThatWakesTwiceIsNamed) {
  expect_found("wakes_twice", "a job is woken once");
}
TEST_F(PlantedFaults, ADescriptorThatIsKeptIsNamed) {
  expect_found("keeps_descriptor", "descriptors open: ");
}
TEST_F(PlantedFaults, AFrameThatLeaksIsNamed) {
  expect_found("leaks_frame", "coroutine frames alive: ");
}
TEST_F(PlantedFaults, MemoryThatLeaksIsNamed) { expect_found("leaks_memory", "allocations kept"); }
TEST_F(PlantedFaults, AnItemThatIsLostWhenItsWaitIsCancelledInTheSameMomentIsNamed) {
  expect_found("loses_item", "every ticket given has been got or is left");
}

// --- cancel_at_every_wait ------------------------------------------------------------------------

TEST(TestTools, ASleepIsCancelledOnceAtEachMoment) {
  const auto n = test::cancel_at_every_wait([]() -> task<> { co_await sleep_for(1s); });
  EXPECT_EQ(n.at_rest, 1U);
  EXPECT_EQ(n.posted, 1U);
  EXPECT_EQ(n.at_wake, 2U);  // before its first step, and before it resumes
}

TEST(TestTools, AScenarioThatFailsIsAFailureUnlessTheCheckTakesItsOutcome) {
  const auto fails = []() -> task<int> {
    co_await yield_now();
    throw std::out_of_range("no such row");
  };
  EXPECT_TRUE(has(failure_of([&] { test::cancel_at_every_wait(fails); }), "no such row"));
  int errors = 0;
  test::cancel_at_every_wait(fails, [&](outcome<int>& o) { errors += o.has_error() ? 1 : 0; });
  EXPECT_GT(errors, 0);
}

TEST(TestTools, AnExceptionThatNobodyAwaitsIsAFailure) {
  const std::string text = failure_of([] {
    test::cancel_at_every_wait([]() -> task<> {
      this_loop().post([] { throw std::out_of_range("from a post"); });
      co_await sleep_for(1s);
    });
  });
  EXPECT_TRUE(has(text, "from a post")) << text;
}

TEST(TestTools, ADeadlockIsAFailureWithTheTasks) {
  const std::string text = failure_of([] {
    test::cancel_at_every_wait([]() -> task<> {
      event never_set;
      co_await never_set.wait();
    });
  });
  EXPECT_TRUE(has(text, "nothing can ever happen again")) << text;
  EXPECT_TRUE(has(text, "cancelled at rest in wait 1: ")) << text;
}

// --- accounts ------------------------------------------------------------------------------------

TEST(TestTools, AnAccountNamesTheDescriptorsThatAreOpen) {
  const auto before = test::accounts::now();
  before.expect_unchanged("at once");
  const int fd = ::dup(STDERR_FILENO);
  const std::string text = failure_of([&] { before.expect_unchanged("after dup"); });
  ::close(fd);
  EXPECT_TRUE(has(text, "after dup: descriptors open: ")) << text;
  EXPECT_TRUE(has(text, ' ' + std::to_string(fd) + " (")) << text;
}

TEST(TestTools, ARunThatKeepsAFrameIsNotClean) {
  std::optional<task<>> kept;
  const std::string text = failure_of([&] {
    test::run_cleanly(run_options().reactor(reactor_kind::simulated), [&]() -> task<> {
      kept.emplace([]() -> task<> { co_return; }());
      co_return;
    });
  });
  kept.reset();
  EXPECT_TRUE(has(text, "after the run: coroutine frames alive: ")) << text;
  EXPECT_EQ(test::run_cleanly(
                run_options().reactor(reactor_kind::simulated),
                [](int n) -> task<int> { co_return n; }, 7),
            7);
}

TEST(TestTools, AnExpectationSaysWhereItStands) {
  const std::string text = failure_of([] { test::expect(false, "water is dry"); });
  EXPECT_TRUE(has(text, "tools_test.cpp:")) << text;
  EXPECT_TRUE(has(text, ": water is dry")) << text;
}

#ifndef RONDO_TEST_SANITIZED
TEST(TestTools, AFrameInQuarantineIsOverwrittenAndNotUsedAgain) {
  const std::int64_t before = detail::frames_alive();
  auto* const block = static_cast<unsigned char*>(detail::allocate_frame(256));
  {
    const detail::frame_quarantine held;
    std::memset(block, 7, 256);
    detail::release_frame(block, 256);
    EXPECT_EQ(block[255], 0xdb);
    void* const another = detail::allocate_frame(256);
    EXPECT_NE(another, block);
    detail::release_frame(another, 256);
    EXPECT_EQ(detail::frames_alive(), before);
  }
  EXPECT_EQ(detail::frames_alive(), before);
  void* const again = detail::allocate_frame(256);
  EXPECT_EQ(again, block);  // the one released first stands first again
  detail::release_frame(again, 256);
}
#endif

// --- seeds ---------------------------------------------------------------------------------------

TEST(TestTools, SeedsRunFromTheFirstToBeforeTheLast) {
  const rondo_test::environment_variable none("RONDO_TEST_SEED", nullptr);
  std::vector<std::uint64_t> ran;
  test::seeds(3, 6, [&](std::uint64_t seed) { ran.push_back(seed); });
  EXPECT_EQ(ran, (std::vector<std::uint64_t>{3, 4, 5}));
}

TEST(TestTools, ASeedThatFailsIsNamedWithTheCommandThatRunsIt) {
  const rondo_test::environment_variable none("RONDO_TEST_SEED", nullptr);
  const std::string text = failure_of([] {
    test::seeds(0, 10, [](std::uint64_t seed) -> task<> {
      co_await sleep_for(1ms);
      test::expect(seed < 4, "few");
    });
  });
  EXPECT_TRUE(text.starts_with("seed 4: ")) << text;
  EXPECT_TRUE(has(text, "few (again: RONDO_TEST_SEED=4 ")) << text;
  EXPECT_TRUE(has(text, "test_net")) << text;
}

TEST(TestTools, TheSeedOfTheEnvironmentIsRunAlone) {
  std::vector<std::uint64_t> ran;
  {
    const rondo_test::environment_variable one("RONDO_TEST_SEED", "17");
    test::seeds(0, 3, [&](std::uint64_t seed) { ran.push_back(seed); });
  }
  EXPECT_EQ(ran, std::vector<std::uint64_t>{17});
  const rondo_test::environment_variable word("RONDO_TEST_SEED", "17th");
  EXPECT_THROW(test::seeds(0, 3, [](std::uint64_t) {}), std::invalid_argument);
}

// --- scripts -------------------------------------------------------------------------------------

task<> say(net::memory_stream& s, std::string text) {
  co_await s.write_all(std::as_bytes(std::span(text)));
}
task<std::string> hear_all(net::memory_stream& s) {
  std::string text;
  std::array<std::byte, 64> buffer;
  while (const std::size_t n = co_await s.read_some(buffer))
    text.append(reinterpret_cast<const char*>(buffer.data()), n);
  co_return text;
}

// What `steps` and a peer that says `words` one by one and ends make of each other.
std::string played(const test::script& steps, std::vector<std::string> words) {
  return failure_of([&] {
    simulate([&]() -> task<> {
      auto [mine, peer] = net::make_memory_streams();
      co_await with_task_group([&](task_group& g) -> task<> {
        g.spawn(test::play(steps, net::any_stream(std::move(peer))));
        for (const std::string& w : words) co_await say(mine, w);
        co_await mine.shutdown_write();
        (void)co_await hear_all(mine);
      });
    });
  });
}

TEST(Script, ExpectsBytesInAnyPieces) {
  EXPECT_EQ(played(test::script().expects("one").expects("two").expects_end(), {"on", "etw", "o"}),
            "no failure");
}
TEST(Script, QuotesWhatCameInstead) {
  EXPECT_EQ(played(test::script().expects("one").expects("two\r\n"), {"onetwi"}),
            "script, step 2: expected \"two\\r\\n\", got \"twi\"");
  EXPECT_EQ(played(test::script().expects("onetwo"), {"one"}),
            "script, step 1: expected \"onetwo\", got \"one\" and the end");
  EXPECT_EQ(played(test::script().expects("one").expects_end(), {"one\x01"}),
            "script, step 2: expected the end, got \"\\x01\"");
}
TEST(Script, TakesWhatComesUpToAMark) {
  EXPECT_EQ(played(test::script().expects_up_to("\r\n\r\n").expects("body"),
                   {"GET /\r\nA: b\r", "\n\r", "\nbody"}),
            "no failure");
  EXPECT_EQ(played(test::script().expects_up_to("\r\n"), {"GET"}),
            "script, step 1: expected \"\\r\\n\", got \"GET\" and the end");
  EXPECT_EQ(played(test::script().expects_up_to(""), {"GET"}),
            "script, step 1: expects_up_to wants to know up to what");
}

TEST(Script, SaysItsPartInPiecesAndInTime) {
  simulate([]() -> task<> {
    auto [mine, peer] = net::make_memory_streams();
    const auto start = this_loop().now();
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(test::play(
          test::script().pauses(1s).sends("a").sends_in_pieces("bcd", 1, 10ms).half_closes(),
          net::any_stream(std::move(peer))));
      EXPECT_EQ(co_await hear_all(mine), "abcd");
      EXPECT_EQ(this_loop().now() - start, 1020ms);
    });
  });
}

TEST(Script, IsCancelledAtEveryWait) {
  test::cancel_at_every_wait([]() -> task<> {
    auto [mine, peer] = net::make_memory_streams();
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(test::play(
          test::script().expects("ping").sends_in_pieces("pong", 2, 1ms).expects_end().closes(),
          net::any_stream(std::move(peer))));
      co_await say(mine, "ping");
      co_await mine.shutdown_write();
      (void)co_await hear_all(mine);
    });
  });
}

}  // namespace
}  // namespace tools_test
