// Three streams of a client and a server of HTTP/2 whose n-th request for memory is refused, n = 0,
// 1, 2, …: those of Rondo and of libnghttp2, of both ends; of a client that is the session alone,
// and of ours. Each run comes to its end, with answers
// or with errors, and leaves neither a frame nor a descriptor behind.
#include "http/http2_support.hpp"
#include "support/allocations.hpp"
#include "support/conformance.hpp"
#include "support/resources.hpp"

#include <rondo/http/test_client.hpp>
#include <rondo/net/memory_stream.hpp>
#include <rondo/runtime/core/frame_quarantine.hpp>

#include <thread>

#ifndef RONDO_TEST_SANITIZED

namespace rondo::detail {
void take_each_frame_from_heap() noexcept;  // frame_pool.cpp
}

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_request;
using http::server_response;

namespace http2_no_memory_cases {
namespace {

void add_echo(http::server& server) {
  server.route("POST", "/echo", [](server_request& r) -> task<server_response> {
    co_return server_response::stream(http::make_body([&r]() -> task<std::optional<std::string>> {
      const std::span<const std::byte> piece = co_await r.next_chunk();
      if (piece.empty()) co_return std::nullopt;
      co_return std::string(reinterpret_cast<const char*>(piece.data()), piece.size());
    }));
  });
}

// How many of the three were answered whole.
task<int> three_streams() {
  http::server server;
  add_echo(server);
  int whole = 0;
  // In memory: the simulation's own network does not bear what is asked of the rest.
  auto [here, there] = net::make_memory_streams();
  auto client = std::make_unique<h2_client>(http2::transport(net::any_stream(std::move(here))));
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn(server.serve_stream(net::any_stream(std::move(there))));
    client->start(g);
    co_await with_task_group([&](task_group& asking) -> task<> {
      for (int i = 0; i < 3; ++i)
        asking.spawn([&]() -> task<> {
          const h2_answer a =
              co_await client->ask(h2_request("POST", "/echo"), std::string(30'000, 'x'));
          if (!a.whole || a.status != 200) co_return;
          EXPECT_EQ(a.body.size(), 30'000U);
          ++whole;
        });
      co_return;
    });
    g.cancel();
  });
  co_return whole;
}

// Of the client that users have.
task<int> three_requests() {
  http::server server;
  add_echo(server);
  int whole = 0;
  co_await http::with_test_client(
      server,
      [&](http::client& c) -> task<> {
        co_await with_task_group([&](task_group& g) -> task<> {
          for (int i = 0; i < 3; ++i)
            g.spawn([&]() -> task<> {
              try {
                http::response r = co_await c.post("http://a/echo", std::string(30'000, 'x'));
                if ((co_await r.text()).size() == 30'000U && r.status() == 200) ++whole;
              } catch (const http::error&) {  // it says so
              }
            });
          co_return;
        });
      },
      http::client_options().http2(http::http2::prior_knowledge).total_timeout(20s));
  co_return whole;
}

void refuse_each(reactor_kind reactor, task<int> (*three)()) {
  const auto options = options_for(reactor).on_unhandled([](const std::exception_ptr&) {});
  EXPECT_EQ(run(three(), options), 3);
  std::uint64_t n = 0;
  int failed = 0;
  // On a thread of its own, which has no blocks of the frame pool and uses none again: so
  // libnghttp2's requests and the frames' are refused as well.
  const auto refuse = [&](std::uint64_t which) {
    const rondo::detail::frame_quarantine nothing_is_used_again;
    rondo::detail::take_each_frame_from_heap();
    try {
      const int whole = run(
          [which, three]() -> task<int> {
            refuse_allocation(which);
            co_return co_await three();
          }(),
          options);
      failed += whole < 3 ? 1 : 0;
    } catch (const std::exception&) {
      ++failed;
    }
  };
  for (bool left = true; left && !testing::Test::HasFailure(); ++n) {
    SCOPED_TRACE("request for memory " + std::to_string(n));
    std::thread([&] {
      refuse(n);
      left = !refusal_is_pending();
      EXPECT_EQ(rondo::detail::frames_alive(), 0);
    }).join();
  }
  EXPECT_GT(n, 300U);
  EXPECT_GT(failed, 100);
}

}  // namespace

CONFORMANCE_RUNS(Http2NoMemory, EveryRequestForMemoryFailsOnce) {
  refuse_each(reactor, three_streams);
}

CONFORMANCE_RUNS(Http2NoMemory, EveryRequestForMemoryFailsOnceBesideOurClient) {
  refuse_each(reactor, three_requests);
}

}  // namespace http2_no_memory_cases

#endif
