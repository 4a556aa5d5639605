// Whole exchanges in the simulation: under faults, in many worlds, and to the nanosecond.
#include "http/http_support.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>

namespace http_simulation_cases {

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_request;
using http::server_response;

namespace {

// What became of the requests of one run.
struct tally {
  int answered = 0;
  int failed = 0;
  int cancelled = 0;
};

void add_routes(http::server& s) {
  s.route("GET", "/echo/{nonce}", [](server_request& r) -> task<server_response> {
    co_return server_response::text(std::string(r.param("nonce")));
  });
  s.route("POST", "/echo", [](server_request& r) -> task<server_response> {
    co_return server_response::text(co_await r.text());
  });
  s.route("PUT", "/redirect", [](server_request& r) -> task<server_response> {
    co_await r.text();
    co_return server_response(307).header("Location", "/put").header("Set-Cookie", "seen=1");
  });
  s.route("PUT", "/put", [](server_request& r) -> task<server_response> {
    EXPECT_EQ(r.headers().get("cookie"), "seen=1");
    co_return server_response::text(co_await r.text());
  });
  s.route("GET", "/stream/{nonce}", [](server_request& r) -> task<server_response> {
    co_return server_response::stream(
        http::make_body([nonce = std::string(r.param("nonce")),
                         n = 0]() mutable -> task<std::optional<std::string>> {
          if (n++ == 20) co_return std::nullopt;
          co_await sleep_for(1ms);
          co_return nonce + ";";
        }));
  });
  s.route("GET", "/delay/{nonce}", [](server_request& r) -> task<server_response> {
    co_await sleep_for(80ms);
    co_return server_response::text(std::string(r.param("nonce")));
  });
}

std::string repeated(const std::string& piece, int n) {
  std::string all;
  for (int i = 0; i < n; ++i) all += piece;
  return all;
}

// One request of a kind that its number chooses. Its answer carries its own nonce, or it fails with
// a name. The slow ones are given `patience`.
task<> fetch_one(http::client& c, std::string origin, int number,
                 std::chrono::milliseconds patience, tally& t) {
  const std::string nonce = "nonce-" + std::to_string(number);
  try {
    std::string expected = nonce;
    std::optional<http::response> r;
    switch (number % 6) {
      case 0: r = co_await c.get(origin + "/echo/" + nonce); break;
      case 1: r = co_await c.post(origin + "/echo", nonce); break;
      case 2:
        expected = repeated(nonce + ";", 20);
        r = co_await c.get(origin + "/stream/" + nonce);
        break;
      case 3: {
        int taken = 0;
        expected = repeated(nonce, 200);
        r = co_await c.send(
            http::request("POST", origin + "/echo").body(counted_body(nonce, 200, taken)));
        break;
      }
      case 4: {  // a redirect that asks for the body again, and sets a cookie
        expected = repeated(nonce, 3);
        r = co_await c.send(http::request("PUT", origin + "/redirect")
                                .expect_continue(number % 4 == 0)
                                .body(http::repeatable_body([nonce] {
                                  return http::make_body(
                                      [nonce, n = 0]() mutable -> task<std::optional<std::string>> {
                                        if (n++ == 3) co_return std::nullopt;
                                        co_return nonce;
                                      });
                                })));
        break;
      }
      default:
        r = co_await c.send(http::request("GET", origin + "/delay/" + nonce).timeout(patience));
        break;
    }
    EXPECT_EQ(r->status(), 200);
    EXPECT_EQ(co_await r->text(), expected);
    ++t.answered;
  } catch (const http::error& e) {
    EXPECT_FALSE(e.url().empty()) << e.what();
    EXPECT_NE(e.phase(), http::phase::none) << e.what();
    ++t.failed;
  }
}

// Requests over a few connections; every seventh is cancelled on its way.
task<> fetch_many(int requests, std::chrono::milliseconds patience, tally& t,
                  http::http2 how = http::http2::never) {
  http::server server;
  add_routes(server);
  http::client c(http::client_options().max_connections(4).total_timeout(30s).http2(how));
  co_await with_server(server, [&](std::string origin, endpoint) -> task<> {
    co_await with_task_group([&](task_group& g) -> task<> {
      std::vector<join_handle<void>> all;
      for (int i = 0; i < requests; ++i)
        all.push_back(g.spawn([&, i] { return fetch_one(c, origin, i, patience, t); }));
      for (int i = 0; i < requests; i += 7) {
        co_await sleep_for(std::chrono::milliseconds(i));
        all[static_cast<std::size_t>(i)].cancel();
        t.cancelled += (co_await all[static_cast<std::size_t>(i)].join()).is_cancelled();
      }
    });
    // A stream that was given up has its place until its reset has been written.
    for (int i = 0; c.idle_connections() < c.open_connections() && i < 1000; ++i)
      if (how != http::http2::never) co_await sleep_for(1ms);
    EXPECT_EQ(c.open_connections(), c.idle_connections());
    EXPECT_LE(c.open_connections(), 4U);
    c.close_idle();
    EXPECT_EQ(c.open_connections(), 0U);
  });
  EXPECT_EQ(t.answered + t.failed + t.cancelled, requests);
}

simulation_options faulty_world(std::uint64_t seed) {
  simulation_options world;
  world.seed(seed).latency(100us, 20ms).short_transfers(0.2).resets(0.02).refusals(0.05);
  return world;
}

std::string trace_of(std::uint64_t seed) {
  std::string trace;
  tally t;
  run_as(options_for(reactor_kind::simulated).simulation(faulty_world(seed).trace(trace)),
         [&] { return fetch_many(30, 100ms, t); });
  return trace;
}

// The same from a process of its own.
std::string trace_from_a_process(std::uint64_t seed) {
  std::string path = testing::TempDir() + "rondo-trace-XXXXXX";
  const int fd = ::mkstemp(path.data());
  ::close(fd);
  const std::string out = "RONDO_TEST_TRACE=" + path;
  const std::string with_seed = "RONDO_TEST_SEED=" + std::to_string(seed);
  std::vector<std::string> arguments{"/proc/self/exe",
                                     "--gtest_filter=HttpSimulation.WritesItsTrace"};
  std::vector<char*> argv;
  for (std::string& a : arguments) argv.push_back(a.data());
  argv.push_back(nullptr);
  std::vector<char*> env{const_cast<char*>(out.c_str()), const_cast<char*>(with_seed.c_str())};
  for (char** e = environ; *e; ++e)
    if (!std::string_view(*e).starts_with("GTEST_")) env.push_back(*e);
  env.push_back(nullptr);
  posix_spawn_file_actions_t silent;
  posix_spawn_file_actions_init(&silent);
  posix_spawn_file_actions_addopen(&silent, 1, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  EXPECT_EQ(::posix_spawn(&child, "/proc/self/exe", &silent, nullptr, argv.data(), env.data()), 0);
  posix_spawn_file_actions_destroy(&silent);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  std::ifstream in(path);
  std::string trace{std::istreambuf_iterator<char>(in), {}};
  ::unlink(path.c_str());
  return trace;
}

}  // namespace

// A test in the other process alone, which the test after it starts.
class writes_its_trace final : public testing::Test {
  void TestBody() override {
    const char* seed = std::getenv("RONDO_TEST_SEED");
    std::ofstream(std::getenv("RONDO_TEST_TRACE"))
        << trace_of(std::strtoull(seed ? seed : "1", nullptr, 10));
  }
};
[[maybe_unused]] static const bool in_the_other_process = [] {
  if (!std::getenv("RONDO_TEST_TRACE")) return false;
  testing::RegisterTest("HttpSimulation", "WritesItsTrace", nullptr, nullptr, __FILE__, __LINE__,
                        []() -> testing::Test* { return new writes_its_trace; });
  return true;
}();

TEST(HttpSimulation, GivesOneTraceForOneSeedInEveryProcess) {
  const std::string here = trace_of(7);
  EXPECT_GE(std::ranges::count(here, '\n'), 1000);
  EXPECT_TRUE(trace_of(7) == here);
  EXPECT_TRUE(trace_from_a_process(7) == here);
  EXPECT_TRUE(trace_from_a_process(7) == here);
  const std::string other = trace_from_a_process(8);
  EXPECT_FALSE(other.empty());
  EXPECT_FALSE(other == here);
}

namespace {

void end_every_request(http::http2 how, std::uint64_t seeds) {
  tally all;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    tally t;
    run_as(options_for(reactor_kind::simulated).simulation(faulty_world(seed)),
           [&] { return fetch_many(20, 100ms, t, how); });
    all.answered += t.answered;
    all.failed += t.failed;
    all.cancelled += t.cancelled;
    if (testing::Test::HasFailure()) return;  // one seed is enough to look at
  }
  EXPECT_GT(all.answered, 0);
  EXPECT_GT(all.failed, 0);
  EXPECT_GT(all.cancelled, 0);
}

}  // namespace

TEST(HttpSimulation, EndsEveryRequestWithItsOwnAnswerOrANamedError) {
  end_every_request(http::http2::never, long_run() ? 5000 : 200);
}

#ifdef RONDO_HAVE_HTTP2
TEST(HttpSimulation, EndsEveryRequestOverHttp2WithItsOwnAnswerOrANamedError) {
  end_every_request(http::http2::prior_knowledge, long_run() ? 5000 : 100);
}
#endif

TEST(HttpSimulation, EndsEveryRequestWithItsAnswerWhenNothingFails) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    simulation_options world;
    world.seed(seed).latency(10us, 2ms).short_transfers(0.5).window(1000);
    tally t;
    run_as(options_for(reactor_kind::simulated).simulation(world),
           [&] { return fetch_many(20, 10s, t); });
    EXPECT_EQ(t.failed, 0);
  }
}

// Connect: one way there, one back; then the request and its answer; 50 µs each.
TEST(HttpSimulation, ServesAThousandDelaysOfASecondInASecond) {
  simulate([]() -> task<> {
    http::server server;
    server.route("GET", "/delay/{seconds}", [](server_request& r) -> task<server_response> {
      co_await sleep_for(std::chrono::seconds(std::stoi(std::string(r.param("seconds")))));
      co_return server_response::text("done");
    });
    co_await with_server(server, [](std::string origin, endpoint) -> task<> {
      http::client c(http::client_options().max_connections(1000));
      const auto start = this_loop().now();
      int done = 0;
      co_await with_task_group([&](task_group& g) -> task<> {
        for (int i = 0; i < 1000; ++i)
          g.spawn([&]() -> task<> {
            EXPECT_EQ(co_await get_text(c, origin + "/delay/1"), "done");
            ++done;
          });
        co_return;
      });
      EXPECT_EQ(done, 1000);
      EXPECT_EQ(this_loop().now() - start, 1s + 4 * 50us);
      EXPECT_EQ(c.open_connections(), 1000U);
    });
  });
}

}  // namespace http_simulation_cases
