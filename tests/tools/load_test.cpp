// The load generator: exact on the simulation's clock, and beside wrk and h2load on real sockets.
#include "load.hpp"
#include "http/http_support.hpp"
#include "load_compare.hpp"
#include "support/child_process.hpp"
#include "support/run_on.hpp"

#include <rondo/http.hpp>
#include <rondo/runtime.hpp>

#include <nlohmann/json.hpp>

#include <cstdio>
#include <map>
#include <regex>

namespace {

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_request;
using http::server_response;
using tools::load_options;
using tools::load_report;

constexpr std::uint64_t ms = 1'000'000;

// Answers each request after `delay`, and counts them.
struct counting_server {
  explicit counting_server(std::function<std::chrono::nanoseconds(int)> d) : delay(std::move(d)) {
    server.route("GET", "/", [this](server_request&) -> task<server_response> {
      const int n = requests++;
      if (const auto d = delay(n); d > 0ns) co_await sleep_for(d);
      co_return server_response::text("ok\n");
    });
    server.route("GET", "/missing", [](server_request&) -> task<server_response> {
      co_return server_response::text("no\n", 404);
    });
  }
  std::function<std::chrono::nanoseconds(int)> delay;
  http::server server;
  int requests = 0;
};

// At most 1/128 above `expected`, as the histogram has it; the network of the simulation takes no
// time.
void expect_near(std::uint64_t actual, std::uint64_t expected) {
  EXPECT_GE(actual, expected);
  EXPECT_LE(actual, expected + expected / 128);
}

load_report simulated_load(counting_server& s, load_options options, std::string path = "/") {
  load_report report;
  const auto network = simulation_options().latency(0s, 0s);
  run_as(run_options().simulation(network), [&]() -> task<> {
    co_await with_server(s.server, [&](std::string origin, endpoint) -> task<> {
      options.urls = {origin + path};
      report = co_await tools::load(options);
    });
  });
  return report;
}

TEST(Load, AClosedLoopAsksAgainWhenItIsAnswered) {
  counting_server s([](int) { return 10ms; });
  load_options o;
  o.connections = 4;
  o.duration_s = 1.005;
  const load_report r = simulated_load(s, o);
  EXPECT_EQ(r.completed, 400U);
  EXPECT_EQ(s.requests, 404);  // the last four were under way
  EXPECT_EQ(r.failed, 0U);
  EXPECT_EQ(r.body_bytes, 3 * 400U);
  EXPECT_NEAR(r.seconds, 1.005, 1e-4);
  EXPECT_EQ(r.statuses.at(200), 400U);
  expect_near(r.latency_ns.percentile(50), 10 * ms);
}

TEST(Load, AnOpenLoopCountsLatencyFromThePlannedStart) {
  // One connection, ten requests a second; the first takes a second, the others no time. Those
  // planned meanwhile were held up by 0.9, 0.8, … s. A closed loop would have seen one slow answer
  // and ten fast ones.
  counting_server s([](int n) { return n == 0 ? 1s : 0s; });
  load_options o;
  o.connections = 1;
  o.duration_s = 2;
  o.rate = 10;
  const load_report r = simulated_load(s, o);
  EXPECT_EQ(r.planned, 20U);
  EXPECT_EQ(r.completed, 20U);
  EXPECT_EQ(r.unfinished(), 0U);
  expect_near(r.latency_ns.max(), 1000 * ms);
  expect_near(r.latency_ns.percentile(95), 900 * ms);
  expect_near(r.latency_ns.percentile(75), 500 * ms);
  expect_near(r.latency_ns.percentile(55), 100 * ms);
  EXPECT_EQ(r.latency_ns.min(), 0U);
}

TEST(Load, WhatAnOpenLoopPlannedAndDidNotSendIsReported) {
  counting_server s([](int) { return 1s; });
  load_options o;
  o.connections = 1;
  o.duration_s = 10;
  o.rate = 10;
  o.timeout_s = 2.5;
  const load_report r = simulated_load(s, o);
  EXPECT_EQ(r.planned, 100U);
  EXPECT_EQ(r.completed, 12U);
  EXPECT_EQ(r.unfinished(), 88U);
  EXPECT_NE(tools::as_text(o, r).find("88 unfinished"), std::string::npos);
}

TEST(Load, EndsAfterAsManyRequestsAsAskedFor) {
  counting_server s([](int) { return 0s; });
  load_options o;
  o.connections = 7;
  o.requests = 100;
  const load_report r = simulated_load(s, o);
  EXPECT_EQ(r.completed, 100U);
  EXPECT_EQ(s.requests, 100);
}

TEST(Load, TheWarmUpIsNotCounted) {
  counting_server s([](int) { return 10ms; });
  load_options o;
  o.connections = 1;
  o.warm_up_s = 0.505;
  o.duration_s = 0.505;
  const load_report r = simulated_load(s, o);
  EXPECT_EQ(r.completed, 50U);
  EXPECT_EQ(s.requests, 102);
}

TEST(Load, StatusesAndFailuresAreCountedApart) {
  counting_server s([](int) { return 0s; });
  load_options o;
  o.requests = 10;
  const load_report refused = simulated_load(s, o, "/missing");
  EXPECT_EQ(refused.completed, 10U);
  EXPECT_EQ(refused.statuses.at(404), 10U);
  EXPECT_EQ(refused.failed, 0U);

  load_report unreachable;
  simulate([&]() -> task<> {
    o.urls = {"http://127.0.0.1:1/"};
    unreachable = co_await tools::load(o);
  });
  EXPECT_EQ(unreachable.completed, 0U);
  EXPECT_EQ(unreachable.failed, 10U);
  EXPECT_FALSE(unreachable.first_error.empty());
}

TEST(Load, OptionsThatMakeNoSenseAreRefused) {
  simulate([]() -> task<> {
    load_options o;
    o.urls = {"http://127.0.0.1:1/"};
    o.connections = 0;
    EXPECT_TRUE(co_await caught<std::invalid_argument>(tools::load(o)));
    o.connections = 1;
    o.duration_s = 0;
    EXPECT_TRUE(co_await caught<std::invalid_argument>(tools::load(o)));
    o.duration_s = 1;
    o.urls = {"no url"};
    EXPECT_TRUE(co_await caught<http::url_error>(tools::load(o)));
  });
}

TEST(Load, ItsJsonIsReadByAnother) {
  counting_server s([](int) { return 1ms; });
  load_options o;
  o.connections = 3;
  o.requests = 30;
  const load_report r = simulated_load(s, o);
  const auto json = nlohmann::json::parse(tools::as_json(o, r));
  EXPECT_EQ(json["requests"], 30);
  EXPECT_EQ(json["statuses"]["200"], 30);
  expect_near(json["latency_ns"]["p50"], 1 * ms);
  std::uint64_t in_histogram = 0;
  for (const auto& slot : json["histogram_ns"]) in_histogram += slot[1].get<std::uint64_t>();
  EXPECT_EQ(in_histogram, 30U);
}

TEST(Load, AsksForEachUrlInTurnWithItsMethodFieldsAndBody) {
  const temporary_folder folder;
  std::map<std::string, int> seen;
  http::server server;
  for (const char* path : {"/a", "/b"})
    server.route("PUT", path, [&seen](server_request& r) -> task<server_response> {
      const std::string id(r.headers().get("X-Id").value_or(""));
      ++seen[r.target() + ' ' + id + ' ' + co_await r.text()];
      co_return server_response();
    });
  load_options o;
  o.method = "PUT";
  o.headers = {"X-Id: 7"};
  o.data = "@" + folder.write("body", "from a file");
  o.requests = 10;
  o.connections = 1;
  run_on(reactor_kind::automatic, [&]() -> task<> {
    co_await with_server(server, [&](std::string origin, endpoint) -> task<> {
      o.urls = {origin + "/a", origin + "/b"};
      EXPECT_EQ((co_await tools::load(o)).completed, 10U);
      o.data = "@/no/such/file";
      EXPECT_TRUE(co_await caught<std::system_error>(tools::load(o)));
      o.data.clear();
      o.headers = {"no field"};
      EXPECT_TRUE(co_await caught<std::invalid_argument>(tools::load(o)));
    });
  });
  const std::map<std::string, int> expected{{"/a 7 from a file", 5}, {"/b 7 from a file", 5}};
  EXPECT_EQ(seen, expected);
}

// A report whose answers took `mean` and a little more or less, n of them.
load_report made_up(std::uint64_t n, std::uint64_t mean, double rate) {
  load_report r;
  for (std::uint64_t i = 0; i < n; ++i)
    r.latency_ns.record(mean - mean / 10 + i % 11 * (mean / 50));
  r.completed = n;
  r.seconds = static_cast<double>(n) / rate;
  return r;
}

TEST(Load, TwoRunsAreComparedWithTheIntervalOfTheirRatio) {
  load_options o;
  o.urls = {"http://a/"};
  const std::string before = tools::as_json(o, made_up(10'000, 2 * ms, 1000));
  const std::string same = tools::compare(made_up(10'000, 2 * ms, 1000), before);
  for (const char* row : {"rate", "mean", "p50", "p90", "p99"}) {
    std::smatch m;
    ASSERT_TRUE(std::regex_search(
        same, m, std::regex(std::string(row) + R"( .*  ([0-9.]+) \(([0-9.]+) to ([0-9.]+)\)\n)")))
        << same;
    EXPECT_EQ(m[1], "1.000") << row;
    EXPECT_LE(std::stod(m[2]), 1);
    EXPECT_GE(std::stod(m[3]), 1);
    EXPECT_GE(std::stod(m[2]), 0.97) << row;
    EXPECT_LE(std::stod(m[3]), 1.03) << row;
  }
  const std::string twice = tools::compare(made_up(10'000, 1 * ms, 2000), before);
  EXPECT_TRUE(std::regex_search(twice, std::regex("rate +2000.000 +1000.000 /s  2.000"))) << twice;
  EXPECT_TRUE(std::regex_search(twice, std::regex("p50 .* ms  0.50"))) << twice;
  // Few answers say little.
  const std::string few = tools::compare(made_up(11, 2 * ms, 1000), before);
  EXPECT_TRUE(std::regex_search(few, std::regex(R"(p50 .*\(0.9[0-8]\d to 1.0[2-9])"))) << few;
  EXPECT_NE(tools::compare(load_report(), before).find("nothing to compare"), std::string::npos);
  EXPECT_THROW((void)tools::compare(load_report(), "{}"), std::invalid_argument);
  EXPECT_THROW((void)tools::compare(load_report(), "no JSON"), std::invalid_argument);
}

TEST(Load, ItsDistributionIsWrittenAsHdrHistogramDoes) {
  const std::string text = tools::as_hdr(made_up(11, 2 * ms, 1000));
  EXPECT_TRUE(text.starts_with("       Value     Percentile TotalCount 1/(1-Percentile)\n\n"))
      << text;
  EXPECT_TRUE(std::regex_search(text, std::regex(R"(\n +2\.2\d+ 1\.000000000000 +11\n)"))) << text;
  EXPECT_TRUE(std::regex_search(text, std::regex(R"(#\[Max +=  +2\.2\d+, Total count +=  +11\])")))
      << text;
}

// --- beside others, on the same server -----------------------------------------------------------

std::string output_of(const std::string& command) {
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");  // NOLINT(cert-env33-c)
  std::string text;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) text += static_cast<char>(c);
  ::pclose(pipe);
  return text;
}

bool installed(const std::string& program) { return !output_of("command -v " + program).empty(); }

// The number before or after a word in a peer's report; -1 when it is not there.
long number_in(const std::string& text, const char* pattern) {
  std::smatch found;
  return std::regex_search(text, found, std::regex(pattern)) ? std::stol(found[1]) : -1;
}

template <class Body>
void on_a_real_server(Body body) {
  counting_server s([](int) { return 0s; });
  run_on(reactor_kind::epoll, [&]() -> task<> {
    co_await with_server(
        s.server, [&](std::string origin, endpoint) -> task<> { co_await body(s, origin + "/"); });
  });
}

TEST(LoadBesideOthers, OursAndH2loadMakeAsManyRequestsAsAskedFor) {
  if (!installed("h2load")) GTEST_SKIP() << "h2load is not installed";
  on_a_real_server([](counting_server& s, std::string url) -> task<> {
    load_options o;
    o.urls = {url};
    o.connections = 8;
    o.requests = 1000;
    const load_report r = co_await tools::load(o);
    EXPECT_EQ(r.completed, 1000U);
    EXPECT_EQ(std::exchange(s.requests, 0), 1000);

    const std::string said = co_await to_thread(output_of, "h2load --h1 -n 1000 -c 8 " + url);
    EXPECT_EQ(number_in(said, R"((\d+) succeeded)"), 1000) << said;
    EXPECT_EQ(s.requests, 1000);
  });
}

TEST(LoadBesideOthers, OursAndWrkReportWhatTheServerHasAnswered) {
  if (!installed("wrk")) GTEST_SKIP() << "wrk is not installed";
  on_a_real_server([](counting_server& s, std::string url) -> task<> {
    load_options o;
    o.urls = {url};
    o.connections = 8;
    o.duration_s = 0.5;
    const load_report r = co_await tools::load(o);
    const auto counted = static_cast<std::uint64_t>(std::exchange(s.requests, 0));
    EXPECT_LE(r.completed, counted);  // what was under way at the end is not reported
    EXPECT_GE(r.completed + 8, counted);

    const std::string said = co_await to_thread(output_of, "wrk -t1 -c8 -d1 " + url);
    const long reported = number_in(said, R"((\d+) requests in)");
    EXPECT_LE(reported, s.requests) << said;
    EXPECT_GE(reported + 8, s.requests) << said;
  });
}

}  // namespace
