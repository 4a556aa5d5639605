// What an operation costs that no clock shows: system calls and allocations, per operation. Times
// drift, these do not; a change that makes something cost more must say so here.
//
// The numbers are of connections whose two ends live on one loop, where the kernel has a byte at
// the other end when a send returns. They are upper bounds: an extra wait of a busy machine is
// allowed for.
#include "http/http_support.hpp"
#include "support/allocations.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>
#include <rondo/patterns/gather.hpp>
#include <rondo/runtime.hpp>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_request;
using http::server_response;

#ifndef RONDO_TEST_SANITIZED

namespace {

constexpr int warm_up = 100;
constexpr int operations = 1'000;

// A request and its answer, both ends: heads, bodies, the handler's response.
constexpr double http_allocations = 13;

struct cost {
  double system_calls = 0;
  double allocations = 0;
  double frames = 0;  // that the frame pool took from the heap
};

struct snapshot {
  std::uint64_t system_calls = this_loop().stats().system_calls;
  std::uint64_t allocations = rondo_test::allocations();
  std::uint64_t frames = detail::frames_from_heap();
};

// What `work`, which makes a task, costs each time, once everything it needs is there.
template <class Work>
task<cost> cost_of(Work work) {
  for (int i = 0; i < warm_up; ++i) co_await work();
  const snapshot before;
  for (int i = 0; i < operations; ++i) co_await work();
  const snapshot after;
  const auto each = [](std::uint64_t b, std::uint64_t a) {
    return static_cast<double>(a - b) / operations;
  };
  co_return cost{each(before.system_calls, after.system_calls),
                 each(before.allocations, after.allocations), each(before.frames, after.frames)};
}

void at_most(const char* what, double measured, double limit) {
  ::testing::Test::RecordProperty(what, std::to_string(measured));
  EXPECT_LE(measured, limit) << what << " an operation";
}

// --- operations of tasks among themselves: nothing is asked of the kernel or of the heap ---------

// `work` does `many` of them; what the loop does in between is shared by all.
template <class Work>
task<> stays_in_user_space(Work work, double many) {
  const cost c = co_await cost_of(work);
  at_most("allocations", c.allocations / many, 0);
  at_most("frames", c.frames / many, 0);
  at_most("system calls", c.system_calls / many, 0.1);
}

task<int> one() { co_return 1; }

ON_KERNEL_REACTORS(Counts, AnAwaitOfATaskThatFinishesAtOnce) {
  run_on(reactor, []() -> task<> {
    co_await stays_in_user_space([]() -> task<> { (void)co_await one(); }, 1);
  });
}

ON_KERNEL_REACTORS(Counts, AYieldOfEachOfManyTasks) {
  run_on(reactor, []() -> task<> {
    constexpr int tasks = 100;
    co_await with_task_group([](task_group& g) -> task<> {
      for (int i = 1; i < tasks; ++i)
        g.spawn([]() -> task<> {
          for (;;) co_await yield_now();
        });
      co_await stays_in_user_space([]() -> task<> { co_await yield_now(); }, tasks);
      g.cancel();
    });
  });
}

ON_KERNEL_REACTORS(Counts, ATaskSpawnedAndJoined) {
  run_on(reactor, []() -> task<> {
    co_await with_task_group([](task_group& g) -> task<> {
      co_await stays_in_user_space(
          [&]() -> task<> { co_await g.spawn([]() -> task<> { co_return; }); }, 1);
    });
  });
}

ON_KERNEL_REACTORS(Counts, ATimeoutInTimeArmsAndDisarmsInUserSpace) {
  run_on(reactor, []() -> task<> {
    co_await stays_in_user_space([]() -> task<> { co_await timeout(1h, yield_now()); }, 1);
  });
}

ON_KERNEL_REACTORS(Counts, AQueueHop) {
  run_on(reactor, []() -> task<> {
    queue<int> q(10);
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        for (int i = 0;; ++i) co_await q.put(i);
      });
      co_await stays_in_user_space([&]() -> task<> { (void)co_await q.get(); }, 1);
      g.cancel();
    });
  });
}

// NOLINTNEXTLINE(misc-no-recursion)
task<> wait_deep(event& never, int frames) {
  if (frames == 1)
    co_await never.wait();
  else
    co_await wait_deep(never, frames - 1);
}

ON_KERNEL_REACTORS(Counts, ACancellationOfATaskTenFramesDeep) {
  run_on(reactor, []() -> task<> {
    constexpr int tasks = 100;
    event never;
    co_await stays_in_user_space(
        [&]() -> task<> {
          co_await with_task_group([&](task_group& g) -> task<> {
            for (int i = 0; i < tasks; ++i) g.spawn(wait_deep(never, 10));
            co_await yield_now();
            g.cancel();
          });
        },
        tasks);
  });
}

ON_KERNEL_REACTORS(Counts, AGatherOfManyReadyTasksAllocatesForAllOfThemTogether) {
  run_on(reactor, []() -> task<> {
    constexpr int many = 100;
    const cost c = co_await cost_of([]() -> task<> {
      std::vector<task<int>> work;
      work.reserve(many);
      for (int i = 0; i < many; ++i) work.push_back(one());
      (void)co_await gather(std::move(work));
    });
    // Our vector, the children's places, the vector of results.
    at_most("allocations", c.allocations, 3);
    at_most("frames", c.frames, 0);
    at_most("system calls", c.system_calls / many, 0.1);
  });
}

// --- what goes to the kernel ---------------------------------------------------------------------

task<> echo_back(tcp_stream& s) {
  std::array<std::byte, 4096> buffer{};
  for (;;) {
    const std::size_t n = co_await s.read_some(buffer);
    if (n == 0) co_return;
    co_await s.write_all(std::span(buffer).first(n));
  }
}

task<> round_trip(tcp_stream& s) {
  std::array<std::byte, 64> message{};
  co_await s.write_all(message);
  for (std::size_t got = 0; got < message.size();)
    got += co_await s.read_some(std::span(message).subspan(got));
}

ON_KERNEL_REACTORS(Counts, AnEchoRoundTrip) {
  run_on(reactor, [reactor]() -> task<> {
    stream_pair ends = co_await connect_pair();
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&] { return echo_back(ends.server); });
      const cost c = co_await cost_of([&] { return round_trip(ends.client); });
      at_most("allocations", c.allocations, 0);
      at_most("frames", c.frames, 0);
      // epoll: two sends, two receives, one that finds nothing, two waits. io_uring: an enter a
      // turn.
      at_most("system calls", c.system_calls, reactor == reactor_kind::epoll ? 7.5 : 2.5);
      g.cancel();
    });
  });
}

// As a server watches its peer during a request: the kernel hears of the first watch alone.
ON_KERNEL_REACTORS(Counts, AWatchOfThePeerThatIsCancelled) {
  run_on(reactor, [reactor]() -> task<> {
    stream_pair ends = co_await connect_pair();
    const cost c = co_await cost_of([&]() -> task<> {
      co_await with_task_group([&](task_group& g) -> task<> {
        g.spawn([&]() -> task<> { (void)co_await ends.server.gone(); });
        co_await yield_now();
        g.cancel();
      });
    });
    at_most("allocations", c.allocations, 0);
    at_most("frames", c.frames, 0);
    // The loop's own looks: on epoll one for each operation that is cancelled.
    at_most("system calls", c.system_calls, reactor == reactor_kind::epoll ? 1.2 : 0.2);
  });
}

ON_KERNEL_REACTORS(Counts, AnHttpRequestOnAKeptConnection) {
  run_on(reactor, [reactor]() -> task<> {
    http::server server;
    server.route("GET", "/", [](server_request&) -> task<server_response> {
      co_return server_response::text("0123456789abcde\n");
    });
    co_await with_server(server, [&](std::string origin, endpoint) -> task<> {
      http::client client;
      const std::string url = origin + '/';
      const cost c = co_await cost_of([&]() -> task<> {
        http::response r = co_await client.get(url);
        while (!(co_await r.next_chunk()).empty()) {
        }
      });
      // Both ends together. On epoll one call asks whether anything has come before the request:
      // 0.3 µs of the 15 µs that a request costs the client alone. On io_uring the connection's
      // stream knows.
      at_most("allocations", c.allocations, http_allocations);
      at_most("frames", c.frames, 0);
      at_most("system calls", c.system_calls, reactor == reactor_kind::epoll ? 7.5 : 2.5);
    });
  });
}

// Their answers leave together, so that they cost what one request costs.
ON_KERNEL_REACTORS(Counts, SixteenPipelinedRequests) {
  run_on(reactor, [reactor]() -> task<> {
    http::server server(http::server_options().max_requests(UINT32_MAX));
    server.route("GET", "/", [](server_request&) -> task<server_response> {
      co_return server_response::text("0123456789abcde\n");
    });
    co_await with_server(server, [&](std::string, endpoint here) -> task<> {
      tcp_stream client = co_await tcp_stream::connect(here);
      std::string sixteen;
      for (int i = 0; i < 16; ++i) sixteen += "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
      std::vector<std::byte> room(16 * 1024);
      const cost c = co_await cost_of([&]() -> task<> {
        co_await write_text(client, sixteen);
        for (std::size_t answers = 0; answers < 16;) {
          const std::size_t n = co_await client.read_some(room);
          answers += count_of({reinterpret_cast<const char*>(room.data()), n}, "HTTP/1.1 200 OK");
        }
      });
      at_most("system calls", c.system_calls, reactor == reactor_kind::epoll ? 6.5 : 2.5);
    });
  });
}

// The watch over its client takes a task for a moment, and no call of the system.
ON_KERNEL_REACTORS(Counts, ARequestWhoseHandlerRests) {
  run_on(reactor, [reactor]() -> task<> {
    http::server server;
    server.route("GET", "/", [](server_request&) -> task<server_response> {
      co_await sleep_for(1ns);
      co_return server_response::text("0123456789abcde\n");
    });
    co_await with_server(server, [&](std::string, endpoint here) -> task<> {
      tcp_stream client = co_await tcp_stream::connect(here);
      std::vector<std::byte> room(16 * 1024);
      const cost c = co_await cost_of([&]() -> task<> {
        co_await write_text(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        (void)co_await client.read_some(room);
      });
      at_most("frames", c.frames, 0);
      at_most("system calls", c.system_calls, reactor == reactor_kind::epoll ? 8.5 : 4.5);
    });
  });
}

}  // namespace

#endif
