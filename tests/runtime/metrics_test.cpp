#include "support/allocations.hpp"
#include "support/conformance.hpp"

#include <rondo/patterns.hpp>
#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace metrics_test {
namespace {

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// The value of the one sample with this name and these labels.
double sample(const std::string& text, const std::string& name) {
  const std::size_t at = ("\n" + text).find("\n" + name + " ");
  if (at == std::string::npos) return std::nan("");
  return std::stod(text.substr(at + name.size() + 1));
}

struct color {
  static constexpr std::string_view label = "color";
  static constexpr std::size_t count = 3;
  std::size_t at;
  std::size_t index() const { return at; }
  std::string_view text() const { return at == 0 ? "red" : at == 1 ? "gr\"een" : "bl\\ue\n"; }
};

struct number {
  static constexpr std::string_view label = "number";
  static constexpr std::size_t count = 1'000'000;
  std::size_t at;
  std::size_t index() const { return at; }
  std::string text() const { return std::to_string(at); }
};

static_assert(metric_label<color>);
static_assert(!metric_label<std::string>, "what has no end of values is no label");

TEST(Metrics, ArePrometheusText) {
  metrics m;
  m.counter("jobs_total", "Jobs \\ done\nso far.").add(3);
  m.gauge("depth", "Depth.").set(2.5);
  metric_histogram& h = m.histogram("took_seconds", "Time.", {0.1, 1});
  for (const double v : {0.05, 0.1, 0.5, 7.0, std::nan("")}) h.observe(v);
  EXPECT_EQ(m.text(),
            "# HELP jobs_total Jobs \\\\ done\\nso far.\n# TYPE jobs_total counter\njobs_total 3\n"
            "# HELP depth Depth.\n# TYPE depth gauge\ndepth 2.5\n"
            "# HELP took_seconds Time.\n# TYPE took_seconds histogram\n"
            "took_seconds_bucket{le=\"0.1\"} 2\ntook_seconds_bucket{le=\"1\"} 3\n"
            "took_seconds_bucket{le=\"+Inf\"} 4\ntook_seconds_sum 7.65\ntook_seconds_count 4\n");
}

TEST(Metrics, AFamilyIsToldApartByItsLabelsWhichAreEscaped) {
  metrics m;
  auto& cars = m.counters<color, number>("cars_total", "Cars.");
  cars.with({2}, {7}).add();
  cars.with({1}, {7}).add(2);
  cars.with({1}, {7}).add();
  EXPECT_EQ(m.text(),
            "# HELP cars_total Cars.\n# TYPE cars_total counter\n"
            "cars_total{color=\"bl\\\\ue\\n\",number=\"7\"} 1\n"
            "cars_total{color=\"gr\\\"een\",number=\"7\"} 3\n");
}

TEST(Metrics, AFamilyHasAnEndWhateverItsLabelsSay) {
  metrics m;
  auto& all = m.counters<number>("all_total", "All.");
  for (std::size_t i = 0; i < 5000; ++i) all.with({i}).add();
  all.with({3}).add();
  const std::string text = m.text();
  EXPECT_TRUE(has(text, "all_total{number=\"3\"} 2\n"));
  EXPECT_TRUE(has(text, "all_total{number=\"other\"} 4000\n"));
  EXPECT_FALSE(has(text, "{number=\"1000\"}"));
  EXPECT_EQ(all.dropped(), 4000U);
}

TEST(Metrics, ANameIsGivenAgainAndStandsForOneThing) {
  metrics m;
  EXPECT_EQ(&m.counter("a_total", ""), &m.counter("a_total", ""));
  EXPECT_THROW(m.gauge("a_total", ""), std::invalid_argument);
  EXPECT_THROW(m.counters<color>("a_total", ""), std::invalid_argument);
  for (const char* bad : {"", "1a", "a b", "a-b", "ä"})
    EXPECT_THROW(m.counter(bad, ""), std::invalid_argument) << bad;
  m.read_gauge("read", "", [] { return 1; });
  EXPECT_THROW(m.read_gauge("read", "", [] { return 1; }), std::invalid_argument);
}

TEST(Metrics, NumbersThatAreThereAreReadForEachPage) {
  metrics m;
  double value = 1;
  m.read_gauge("level", "Level.", [&] { return value; });
  EXPECT_EQ(sample(m.text(), "level"), 1);
  value = -INFINITY;
  EXPECT_TRUE(has(m.text(), "level -Inf\n"));
}

TEST(Metrics, ThreadsThatMakeTheSameSeriesAtOnceCountInOne) {
  metrics m;
  auto& all = m.counters<number>("all_total", "All.");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (std::size_t i = 0; i < 400; ++i) all.with({i % 100}).add();
    });
  for (std::thread& t : threads) t.join();
  const std::string text = m.text();
  for (std::size_t i = 0; i < 100; ++i)
    EXPECT_EQ(sample(text, "all_total{number=\"" + std::to_string(i) + "\"}"), 16);
}

#ifndef RONDO_TEST_SANITIZED
TEST(Metrics, CountingAllocatesNothingOnceASeriesIsThere) {
  metrics m;
  auto& all = m.histograms<color>("all_seconds", "All.");
  all.with({1}).observe(1);
  const std::uint64_t before = allocations();
  for (int i = 0; i < 100; ++i) all.with({1}).observe(0.2);
  EXPECT_EQ(allocations() - before, 0U);
}
#endif

CONFORMANCE_RUNS(LoopMetrics, CountTurnsStepsTimersAndTime) {
  const auto m = std::make_shared<metrics>();
  std::string during;
  run_as(options_for(reactor).metrics(m), [&]() -> task<> {
    co_await with_task_group([&](task_group& g) -> task<> {
      for (int i = 0; i < 10; ++i) g.spawn(sleep_for(1ms));
      g.spawn(sleep_for(1h));
      co_await yield_now();
      co_await sleep_for(2ms);
      during = m->text();
      g.cancel();
    });
    co_await sleep_for(1ms);
  });
  EXPECT_GE(sample(during, "rondo_eventloop_timers{loop=\"0\"}"), 1) << during;
  EXPECT_GE(sample(during, "process_open_fds"), 3);
  const std::string after = m->text();
  EXPECT_GE(sample(after, "rondo_eventloop_turns_total{loop=\"0\"}"), 3);
  EXPECT_GE(sample(after, "rondo_eventloop_step_duration_seconds_count{loop=\"0\"}"), 23);
  EXPECT_GE(sample(after, "rondo_eventloop_delay_seconds_count{loop=\"0\"}"), 2);
  EXPECT_GE(sample(after, "rondo_eventloop_delay_seconds_sum{loop=\"0\"}"), 0);
  EXPECT_GT(sample(after, "rondo_eventloop_time_seconds_total{loop=\"0\",state=\"active\"}"), 0);
  EXPECT_GE(sample(after, "rondo_eventloop_time_seconds_total{loop=\"0\",state=\"idle\"}"), 0);
  EXPECT_EQ(sample(after, "rondo_eventloop_timers{loop=\"0\"}"), 0);
}

CONFORMANCE_RUNS(LoopMetrics, ALoopGetsTheLeastNumberThatIsFree) {
  const auto m = std::make_shared<metrics>();
  for (int i = 0; i < 2; ++i)
    run_as(options_for(reactor).metrics(m), []() -> task<> { co_await yield_now(); });
  EXPECT_TRUE(has(m->text(), "rondo_eventloop_turns_total{loop=\"0\"}"));
  EXPECT_FALSE(has(m->text(), "loop=\"1\""));
}

TEST(PolicyMetrics, CountCallsAttemptsRetriesAndBreakers) {
  const auto m = std::make_shared<metrics>();
  policy_metrics counts(m);
  set_telemetry(&counts);
  simulate([&]() -> task<> {
    circuit_breaker breaker(circuit_breaker::options().consecutive_failures(3).open_for(1h));
    auto stack = compose(retry().max_attempts(3).backoff(backoff::constant(1s)), breaker);
    const auto failing = []() -> task<int> {
      throw std::runtime_error("no");
      co_return 0;
    };
    EXPECT_FALSE((co_await stack.run(failing)).has_value());
    EXPECT_FALSE((co_await stack.run(failing)).has_value());
    EXPECT_EQ(breaker.current(), circuit_state::open);
  });
  set_telemetry(nullptr);
  const std::string text = m->text();
  EXPECT_EQ(sample(text, "rondo_policy_retries_total{policy=\"retry\"}"), 2) << text;
  EXPECT_EQ(sample(text, "rondo_policy_attempt_duration_seconds_count{outcome=\"error\"}"), 3);
  EXPECT_EQ(sample(text, "rondo_policy_calls_total{outcome=\"error\"}"), 1);
  EXPECT_EQ(sample(text, "rondo_policy_calls_total{outcome=\"rejected\"}"), 1);
  EXPECT_EQ(sample(text, "rondo_policy_refusals_total{reason=\"circuit_open\"}"), 1);
  EXPECT_EQ(sample(text, "rondo_circuit_breaker_transitions_total{state=\"open\"}"), 1);
  EXPECT_EQ(sample(text, "rondo_circuit_breakers{state=\"open\"}"), 1);
}

}  // namespace
}  // namespace metrics_test
