// Many seeds of a client and a server in the simulation: each draws how transfers are cut, what is
// sent and how, when receives and sends are cancelled, and how it ends.
#include "http/http_support.hpp"
#include "http/websocket_support.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>
#include <rondo/patterns.hpp>
#include <rondo/testing.hpp>

#include <array>
#include <random>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::websocket;
using http::websocket_options;

namespace http_websocket_seeds_cases {
namespace {

using std::chrono::microseconds;

// How a conversation ends, in a moment that the seed draws, or when all has been said.
enum class ending : std::uint8_t { closed, dropped, reset, kinds };

struct dice {
  std::minstd_rand source;
  explicit dice(std::uint64_t seed) : source(static_cast<unsigned>(seed + 1)) {}
  unsigned below(unsigned n) { return static_cast<unsigned>(source() % n); }
};

// A client or a server: sends numbered messages, and hears those of the other.
struct side_of_it {
  websocket ws;
  numbered_traffic& says;
  numbered_traffic& hears;
  dice draws;
  bool has_closed = false;   // by its own close(): what comes after that is nobody's
  bool heard_close = false;  // the other's, in good order

  task<> speak() {
    for (int i = 0; i < 20 && !has_closed; ++i) {
      // One in 40 is more than stands in the engine.
      const unsigned most = draws.below(40) == 0 ? 200'000 : i % 5 == 0 ? 60'000 : 300;
      const std::size_t size = draws.below(most);
      const unsigned how = draws.below(12);
      if (how < 3)
        co_await says.send_in_pieces(ws, size);
      else if (how < 7 && size <= 60'000)
        (void)co_await try_for(microseconds(draws.below(2'000)), says.send(ws, size));
      else
        co_await says.send(ws, size);
      if (draws.below(5) == 0) (void)co_await ws.ping();
    }
  }
  task<> hear() {
    for (;;) {
      const auto m = co_await try_for(microseconds(draws.below(5'000)), ws.receive());
      if (!m) continue;
      if (!*m) break;
      hears.came(**m);
    }
    heard_close = true;
  }
  // Until the other has closed, or it is this one's moment to do so.
  task<> talk(std::optional<microseconds> leaves_after) {
    co_await with_task_group([&](task_group& g) -> task<> {
      auto hearing = g.spawn(hear());
      auto speaking = g.spawn(speak());
      if (leaves_after)
        co_await sleep_for(*leaves_after);
      else
        co_await speaking;
      has_closed = true;
      co_await ws.close(4000, "enough");
      speaking.cancel();
    });
  }
};

bool is_of_the_end(const std::exception_ptr& e) {
  try {
    std::rethrow_exception(e);
  } catch (const http::websocket_error&) {
    return true;  // nothing can be sent, or received, any more
  } catch (const std::system_error&) {
    return false;
  }
}

struct result {
  bool up_complete = false, down_complete = false;
};

// The messages of each direction come in order, none twice, each as it was; and whoever hears a
// Close in good order, without having closed himself, has all that were sent for certain.
task<result> converse(std::uint64_t seed, ending ends_by) {
  dice draw(seed);
  numbered_traffic up, down;
  both_ends ends = co_await connected(websocket_options()
                                          .close_timeout(5s)
                                          .compress(seed % 3 == 0)
                                          .compress_with_context(seed % 6 == 0));
  std::optional<side_of_it> client(
      side_of_it{std::move(ends.client), up, down, dice(seed * 3 + 1)});
  std::optional<side_of_it> server(
      side_of_it{std::move(ends.server), down, up, dice(seed * 3 + 2)});
  bool up_complete = false, down_complete = false;
  const auto run = [&](std::optional<side_of_it>& s, bool& complete, bool leaves) -> task<> {
    std::optional<microseconds> after;
    if (leaves && draw.below(2) == 0) after = microseconds(draw.below(60'000));
    const bool drops = leaves && ends_by == ending::dropped;
    if (drops) {  // in the middle of whatever it does
      (void)co_await as_result(
          try_for(after.value_or(microseconds(draw.below(60'000))), s->talk(std::nullopt)));
    } else {
      const outcome<void> r = co_await as_result(s->talk(after));
      if (r.has_error() && !is_of_the_end(r.error())) std::rethrow_exception(r.error());
    }
    complete = s->heard_close && !s->has_closed;
    s.reset();
  };
  const bool client_leaves = draw.below(2) == 0;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn(run(client, down_complete, client_leaves));
    g.spawn(run(server, up_complete, !client_leaves));
    co_return;
  });
  test::expect(up.in_order() && down.in_order(), "messages come in order, and none twice");
  test::expect(up.intact() && down.intact(), "and as they were sent");
  if (up_complete) test::expect(up.complete(), "each that the client had sent came");
  if (down_complete) test::expect(down.complete(), "each that the server had sent came");
  co_return result{up_complete, down_complete};
}

}  // namespace

TEST(WebsocketSeeds, NumberedMessagesSurviveWhateverASeedDraws) {
  const std::uint64_t seeds = long_run() ? 20'000 : 150;
  std::array<std::uint64_t, static_cast<std::size_t>(ending::kinds)> complete{};
  test::seeds(0, seeds, [&](std::uint64_t seed) {
    const auto ends_by = static_cast<ending>(seed % static_cast<std::uint64_t>(ending::kinds));
    simulation_options world;
    world.seed(seed).latency(10us, 3ms).short_transfers(0.3);
    if (ends_by == ending::reset) world.resets(0.002);
    std::uint64_t unheard = 0;
    run_options options;
    // Of several who fail with one end, or are cancelled with it, one alone is heard.
    options.simulation(world).on_unhandled([&](const std::exception_ptr& e) {
      if (ends_by != ending::reset && !is_of_the_end(e)) ++unheard;
    });
    test::run_cleanly(options, [&]() -> task<> {
      const outcome<result> r = co_await as_result(converse(seed, ends_by));
      if (r.has_error() && ends_by != ending::reset) std::rethrow_exception(r.error());
      if (r.has_value())
        complete.at(static_cast<std::size_t>(ends_by)) +=
            (r.value().up_complete ? 1U : 0U) + (r.value().down_complete ? 1U : 0U);
    });
    test::expect(unheard == 0, "nothing fails unheard");
  });
  // A third of the seeds each; where one side closes, the other hears of it, unless it closes too.
  EXPECT_GT(complete[0], seeds / 10);
  EXPECT_GT(complete[1], seeds / 10);
  EXPECT_GT(complete[2], seeds / 20);
  for (const std::size_t kind : {0, 1, 2})
    RecordProperty("complete_" + std::to_string(kind), std::to_string(complete.at(kind)));
}

}  // namespace http_websocket_seeds_cases
