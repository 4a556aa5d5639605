// HTTP/2 in the simulation: how fast it is far away, and under many seeds.
#include "http/http2_peer.hpp"
#include "http/http2_support.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>

#include <random>
#include <string>
#include <vector>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::response;

namespace http2_client_simulation {

namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

// A round trip of 50 ms, and sockets that hold as much as the kernel's would grow to.
simulation_options far_away() {
  simulation_options world;
  world.latency(25ms, 25ms).window(16 * mib);
  return world;
}

double megabits_a_second(std::size_t bytes, rondo::detail::nanoseconds took) {
  return static_cast<double>(bytes) * 8e-6 / std::chrono::duration<double>(took).count();
}

}  // namespace

TEST(Http2Simulation, ADownloadFromFarAwayReaches200MegabitsASecond) {
  double rate = 0;
  run_as(options_for(reactor_kind::simulated).simulation(far_away()), [&]() -> task<> {
    co_await with_http2_peer(
        [](http2_peer&, http2_stream_ref s) -> task<> {
          co_await answer(*s, 200, std::string(100 * mib, 'd'));
        },
        [&](std::string at) -> task<> {
          http::client c(over_http2());
          const auto begun = this_loop().now();
          response r = co_await c.get(at);
          std::size_t got = 0;
          for (;;) {
            const std::size_t n = (co_await r.next_chunk()).size();
            if (n == 0) break;
            got += n;
          }
          EXPECT_EQ(got, 100 * mib);
          rate = megabits_a_second(got, this_loop().now() - begun);
        });
  });
  RecordProperty("megabits_a_second", std::to_string(rate));
  EXPECT_GE(rate, 200);
}

TEST(Http2Simulation, AnUploadFromFarAwayReaches40MegabitsASecond) {
  double rate = 0;
  run_as(options_for(reactor_kind::simulated).simulation(far_away()), [&]() -> task<> {
    co_await with_http2_peer(
        [](http2_peer&, http2_stream_ref s) -> task<> {
          std::size_t got = 0;
          while (!s->in_ended() || s->unread() > 0) {
            got += s->take_body().size();
            if (s->in_ended()) continue;
            s->incoming.clear();
            co_await s->incoming.wait();
          }
          co_await answer(*s, 200, std::to_string(got));
        },
        [&](std::string at) -> task<> {
          http::client c(over_http2());
          const auto begun = this_loop().now();
          response r = co_await c.send(http::request("PUT", at).body(std::string(100 * mib, 'u')));
          EXPECT_EQ(co_await r.text(), std::to_string(100 * mib));
          rate = megabits_a_second(100 * mib, this_loop().now() - begun);
        });
  });
  RecordProperty("megabits_a_second", std::to_string(rate));
  EXPECT_GE(rate, 40);
}

namespace {

// What a stream gives back is told by its request: so many bytes, all of one letter.
struct seeded {
  explicit seeded(std::uint64_t seed) : draw(seed) {}
  std::size_t below(std::size_t n) { return draw() % n; }
  std::mt19937_64 draw;
};

struct seed_tally {
  int whole = 0;
  int failed = 0;
  int cancelled = 0;
};

void check_letter(const std::string& text, char letter) {
  EXPECT_EQ(text.find_first_not_of(letter), std::string::npos) << "a byte of another stream";
}

task<> exchange_one(http::client& c, std::string at, char letter, std::size_t up, std::size_t down,
                    seed_tally& t) {
  try {
    response r = co_await c.send(http::request("POST", at + "/" + std::to_string(down))
                                     .header("X-Letter", std::string(1, letter))
                                     .body(std::string(up, letter)));
    std::string all;
    for (;;) {
      const auto piece = co_await r.next_chunk();
      if (piece.empty()) break;
      all.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    }
    EXPECT_EQ(all.size(), down);
    check_letter(all, letter);
    ++t.whole;
  } catch (const http::error& e) {
    EXPECT_NE(e.phase(), http::phase::none) << e.what();
    ++t.failed;
  }
}

task<> serve_seeded(http2_peer& p, http2_stream_ref s, seeded& dice) {
  const char letter = s->head().fields.get("x-letter").value_or("?").front();
  const std::size_t down = std::stoul(s->head().path.substr(1));
  if (dice.below(40) == 0) {
    s->reset(http2_code::refused_stream);
    co_return;
  }
  check_letter(co_await body_of(*s), letter);
  if (s->closed()) co_return;
  if (dice.below(20) == 0) p.session.shut_down();
  if (dice.below(3) == 0) co_await sleep_for(std::chrono::microseconds(dice.below(3000)));
  co_await answer(*s, 200, std::string(down, letter));
}

// Cancels a few of what runs, and waits for all.
task<> cancel_some(std::vector<join_handle<void>>& all, seeded& dice, seed_tally& t) {
  for (int i = 0; i < 4; ++i) {
    co_await sleep_for(std::chrono::microseconds(dice.below(2000)));
    all[dice.below(all.size())].cancel();
  }
  for (auto& one : all) t.cancelled += (co_await one.join()).is_cancelled() ? 1 : 0;
}

task<> seeded_run(std::uint64_t seed, seed_tally& t) {
  seeded dice(seed);
  http2_settings settings;
  settings.stream_window = static_cast<std::uint32_t>(1 + dice.below(20'000));
  settings.streams = static_cast<std::uint32_t>(1 + dice.below(8));
  co_await with_http2_peer(
      [&](http2_peer& p, http2_stream_ref s) { return serve_seeded(p, std::move(s), dice); },
      [&](std::string at) -> task<> {
        http::client c(over_http2().max_connections(3).total_timeout(60s));
        co_await with_task_group([&](task_group& g) -> task<> {
          std::vector<join_handle<void>> all;
          for (int i = 0; i < 12; ++i)
            all.push_back(g.spawn(exchange_one(c, at, static_cast<char>('a' + i),
                                               dice.below(30'000), dice.below(30'000), t)));
          co_await cancel_some(all, dice, t);
        });
        EXPECT_LE(c.open_connections(), 3U);
        c.close_idle();
      },
      settings);
  EXPECT_EQ(t.whole + t.failed + t.cancelled, 12);
}

}  // namespace

namespace {

// The server of ours under the same requests: with it a connection is left after a few of them.
void add_seeded_routes(http::server& server, seeded& dice) {
  server.route("POST", "/{down}", [&dice](http::server_request& r) -> task<http::server_response> {
    const char letter = r.headers().get("X-Letter").value_or("?").front();
    const std::size_t down = std::stoul(std::string(r.param("down")));
    check_letter(co_await r.text(), letter);
    if (dice.below(3) == 0) co_await sleep_for(std::chrono::microseconds(dice.below(3000)));
    if (down % 2 == 0) co_return http::server_response::bytes(std::string(down, letter));
    co_return http::server_response::stream(
        http::make_body([letter, left = down]() mutable -> task<std::optional<std::string>> {
          if (left == 0) co_return std::nullopt;
          const std::size_t n = std::min<std::size_t>(left, 7000);
          left -= n;
          co_return std::string(n, letter);
        }));
  });
}

http::server_options seeded_server(seeded& dice) {
  return http::server_options().max_requests(static_cast<std::uint32_t>(2 + dice.below(20)));
}

task<> seeded_run_of_both(std::uint64_t seed, seed_tally& t) {
  seeded dice(seed);
  http::server server(seeded_server(dice));
  add_seeded_routes(server, dice);
  co_await with_server(server, [&](std::string at, endpoint) -> task<> {
    http::client c(over_http2().max_connections(3).total_timeout(60s));
    co_await with_task_group([&](task_group& g) -> task<> {
      std::vector<join_handle<void>> all;
      for (int i = 0; i < 12; ++i)
        all.push_back(g.spawn(exchange_one(c, at, static_cast<char>('a' + i), dice.below(30'000),
                                           dice.below(30'000), t)));
      co_await cancel_some(all, dice, t);
    });
    EXPECT_LE(c.open_connections(), 3U);
    c.close_idle();
  });
  EXPECT_EQ(t.whole + t.failed + t.cancelled, 12);
}

task<> ask_by_hand(h2_client& c, char letter, std::size_t up, std::size_t down, seed_tally& t) {
  const h2_answer a =
      co_await c.ask(h2_request("POST", "/" + std::to_string(down),
                                http::headers{{"X-Letter", std::string(1, letter)}}),
                     std::string(up, letter));
  check_letter(a.body, letter);
  EXPECT_LE(a.body.size(), down);
  if (a.whole && a.status == 200) EXPECT_EQ(a.body.size(), down);
  ++(a.whole && a.status == 200 ? t.whole : t.failed);
}

// A client of small windows, which says GOAWAY now and then.
task<> seeded_run_of_a_server(std::uint64_t seed, seed_tally& t) {
  seeded dice(seed);
  http::server server(seeded_server(dice));
  add_seeded_routes(server, dice);
  http2_settings small = h2_client_settings();
  small.stream_window = static_cast<std::uint32_t>(1 + dice.below(20'000));
  small.connection_window = static_cast<std::uint32_t>(65'535 + dice.below(20'000));
  small.buffered = dice.below(100'000);
  const auto body = [&](h2_client& c) -> task<> {
    co_await with_task_group([&](task_group& g) -> task<> {
      std::vector<join_handle<void>> all;
      for (int i = 0; i < 12; ++i)
        all.push_back(g.spawn(ask_by_hand(c, static_cast<char>('a' + i), 1 + dice.below(30'000),
                                          dice.below(30'000), t)));
      if (dice.below(4) == 0) {
        co_await sleep_for(std::chrono::microseconds(dice.below(3000)));
        c.session().shut_down();
      }
      co_await cancel_some(all, dice, t);
    });
  };
  const auto ended = co_await as_result(with_h2(server, body, small));
  if (ended.has_error()) t.failed = 12 - t.whole - t.cancelled;  // the connection was reset
  EXPECT_EQ(t.whole + t.failed + t.cancelled, 12);
}

void run_seeds(task<> (*one)(std::uint64_t, seed_tally&)) {
  const std::uint64_t seeds = long_run() ? 20'000 : 100;
  seed_tally all;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    simulation_options world;
    world.seed(seed).latency(10us, 2ms).short_transfers(0.3);
    if (seed % 4 == 0) world.resets(0.002);
    seed_tally t;
    run_as(options_for(reactor_kind::simulated).simulation(world), [&] { return one(seed, t); });
    all.whole += t.whole;
    all.failed += t.failed;
    all.cancelled += t.cancelled;
    if (testing::Test::HasFailure()) return;  // one seed is enough to look at
  }
  EXPECT_GT(all.whole, 0);
  EXPECT_GT(all.failed, 0);
  EXPECT_GT(all.cancelled, 0);
  std::printf("%d whole, %d failed, %d cancelled\n", all.whole, all.failed, all.cancelled);
}

}  // namespace

TEST(Http2Simulation, EveryByteBelongsToItsStream) { run_seeds(seeded_run); }

TEST(Http2Simulation, EveryByteBelongsToItsStreamOfOurServer) { run_seeds(seeded_run_of_a_server); }

TEST(Http2Simulation, EveryByteBelongsToItsStreamOfBoth) { run_seeds(seeded_run_of_both); }

}  // namespace http2_client_simulation
