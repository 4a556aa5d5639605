#include "support/resources.hpp"

#include <gtest/gtest.h>
#include <sys/time.h>

#include <csignal>
#include <cstdlib>

namespace rondo_test {
namespace {

class watcher final : public testing::EmptyTestEventListener {
  void OnTestStart(const testing::TestInfo& /*test*/) override { before_ = resources::now(); }
  void OnTestEnd(const testing::TestInfo& test) override {
    if (!test.result()->Skipped()) expect_same(before_, "at the end of the test");
  }
  resources before_;
};

// The calls in which a loop waits end with EINTR again and again; others begin again by themselves
// (signal(7)), so that a test may read from a pipe as it likes.
void interrupt_every_millisecond() {
  struct sigaction nothing{};
  nothing.sa_handler = [](int) {};
  nothing.sa_flags = SA_RESTART;
  ::sigaction(SIGALRM, &nothing, nullptr);
  const itimerval each{.it_interval = {0, 1000}, .it_value = {0, 1000}};
  ::setitimer(ITIMER_REAL, &each, nullptr);
}

}  // namespace

void expect_same(const resources& before, const char* when) {
  EXPECT_EQ(before.changes(), "") << when;
}

bool watch_every_test() {
  static const bool once = [] {
    if (std::getenv("RONDO_TEST_SIGNALS")) interrupt_every_millisecond();
    testing::UnitTest::GetInstance()->listeners().Append(new watcher);  // owned by the list
    return true;
  }();
  return once;
}

bool long_run() { return std::getenv("RONDO_TEST_LONG") != nullptr; }

}  // namespace rondo_test
