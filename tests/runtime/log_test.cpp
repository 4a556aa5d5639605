#include "support/allocations.hpp"
#include "support/run_on.hpp"

#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace log_test {
namespace {

using namespace rondo;
using namespace rondo_test;

struct heard {
  log_level level;
  std::string component;
  std::string sentence;
  std::vector<std::pair<std::string, std::string>> fields;
};

// Everything that is logged in the life of this object.
class log_keeper {
 public:
  explicit log_keeper(log_level least = log_level::debug) {
    set_log_sink(
        [this](const log_record& r) {
          const std::lock_guard lock(mutex_);
          heard& h = all_.emplace_back(
              heard{r.level, std::string(r.component), std::string(r.sentence), {}});
          for (const log_field& f : r.fields) h.fields.emplace_back(f.name, f.value);
        },
        least);
  }
  log_keeper(const log_keeper&) = delete;
  log_keeper& operator=(const log_keeper&) = delete;
  ~log_keeper() { reset_log_sink(); }

  std::vector<heard> all() const {
    const std::lock_guard lock(mutex_);
    return all_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<heard> all_;
};

task<int> forgotten() { co_return 1; }

task<> forget_a_task() {
  {
    task<int> t = forgotten();
  }
  co_return;
}

run_options simulated() { return run_options().reactor(reactor_kind::simulated); }

TEST(Log, ASinkHearsOfATaskThatNobodyAwaitedWithItsFields) {
  const log_keeper log;
  run(forget_a_task(), simulated().debug(true));
  const std::vector<heard> all = log.all();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].level, log_level::warning);
  EXPECT_EQ(all[0].component, "runtime");
  EXPECT_NE(all[0].sentence.find("without ever being awaited"), std::string::npos);
  ASSERT_EQ(all[0].fields.size(), 2U);
  EXPECT_EQ(all[0].fields[0].first, "function");
  EXPECT_NE(all[0].fields[0].second.find("forgotten"), std::string::npos);
  EXPECT_EQ(all[0].fields[1].first, "place");
  EXPECT_EQ(all[0].fields[1].second.rfind("log_test.cpp:", 0), 0U);
}

TEST(Log, ASinkHearsOfAnExceptionThatNobodyAwaits) {
  const log_keeper log;
  run(
      [&]() -> task<> {
        this_loop().post([] { throw std::runtime_error("lost"); });
        co_await sleep_for(std::chrono::milliseconds(1));
      },
      simulated());
  const std::vector<heard> all = log.all();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].level, log_level::error);
  EXPECT_EQ(all[0].sentence, "an exception that nobody awaits: lost");
  EXPECT_EQ(all[0].fields.at(0).second, "lost");
}

TEST(Log, WhatEndedTheProgramIsLoggedAsMain) {
  const log_keeper log;
  EXPECT_EQ(run_main(
                []() -> task<> {
                  throw std::runtime_error("no such host");
                  co_return;
                }(),
                simulated()),
            1);
  const std::vector<heard> all = log.all();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].component, "main");
  EXPECT_EQ(all[0].sentence, "no such host");
}

TEST(Log, WithoutASinkItIsStandardError) {
  testing::internal::CaptureStderr();
  detail::log(log_level::warning, "http", "a part is ignored", {{"part", "x"}});
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "rondo: a part is ignored\n");
}

TEST(Log, WhatIsBelowTheLeastLevelIsNotHeard) {
  const log_keeper log(log_level::error);
  detail::log(log_level::warning, "runtime", "unheard");
  run(forget_a_task(), simulated().debug(true));
  EXPECT_TRUE(log.all().empty());
  detail::log(log_level::error, "runtime", "heard");
  EXPECT_EQ(log.all().size(), 1U);
}

#ifndef RONDO_TEST_SANITIZED
TEST(Log, NothingIsPutIntoWordsWhenNobodyListens) {
  const std::exception_ptr lost = std::make_exception_ptr(std::runtime_error("lost"));
  set_log_sink(nullptr);
  testing::internal::CaptureStderr();
  const std::uint64_t before = allocations();
  detail::report_unhandled(nullptr, lost);
  const std::uint64_t after = allocations();
  reset_log_sink();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(after - before, 0U);
}
#endif

TEST(Log, WhatASinkThrowsIsDropped) {
  set_log_sink([](const log_record&) { throw std::runtime_error("full disk"); });
  detail::log(log_level::error, "runtime", "one");
  detail::log(log_level::error, "runtime", "two");
  reset_log_sink();
}

TEST(Log, WhatIsLoggedInsideASinkGoesToStandardError) {
  int calls = 0;
  set_log_sink([&](const log_record&) {
    ++calls;
    detail::log(log_level::error, "runtime", "inside");
  });
  testing::internal::CaptureStderr();
  detail::log(log_level::error, "runtime", "outside");
  reset_log_sink();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "rondo: inside\n");
  EXPECT_EQ(calls, 1);
}

TEST(Log, ASinkThatIsReplacedMeanwhileIsDestroyedAfterItsLastCall) {
  struct alive {
    std::atomic<int>* wrong;
    std::atomic<bool> there{true};
    ~alive() { there = false; }
  };
  std::atomic<int> wrong = 0;
  std::atomic<bool> stop = false;
  const auto install = [&] {
    set_log_sink([life = std::make_shared<alive>(&wrong)](const log_record&) {
      if (!life->there) ++*life->wrong;
    });
  };
  install();
  std::vector<std::thread> writers;
  for (int i = 0; i < 2; ++i)
    writers.emplace_back([&] {
      while (!stop) detail::log(log_level::error, "runtime", "x");
    });
  for (int i = 0; i < 500; ++i) install();
  stop = true;
  for (std::thread& t : writers) t.join();
  reset_log_sink();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace log_test
