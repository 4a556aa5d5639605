// What an event costs for each of the clients that it goes to.
#include "http/http_support.hpp"
#include "support/allocations.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>

#include <malloc.h>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::event_sink;
using http::server_request;

#ifndef RONDO_TEST_SANITIZED

namespace events_test {
namespace {

// One broadcast, and clients that have asked for it and read nothing: what is counted is the
// server's alone.
struct audience {
  http::server server;
  broadcast<http::event> news;
  std::vector<tcp_stream> clients;

  audience() {
    server.events("/", [this](server_request&, event_sink& out) -> task<> {
      auto mine = news.subscribe(1, overflow::wait);
      while (const auto e = co_await mine.next()) co_await out.send(*e);
    });
  }
  task<> come(endpoint here, std::size_t n) {
    static constexpr std::string_view request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    clients.reserve(clients.size() + n);
    for (std::size_t i = 0; i < n; ++i) {
      clients.push_back(co_await tcp_stream::connect(here));
      co_await write_text(clients.back(), request);
    }
    while (news.subscribers() < clients.size()) co_await sleep_for(1ms);
  }
  task<> send(int events) {
    const http::event e = http::event().id("123456").data("some forty bytes of what is new, or so");
    for (int i = 0; i < events; ++i) co_await news.send(e);
    while (!news.try_send(http::event(e))) co_await yield_now();  // all have taken the others
  }
};

}  // namespace

ON_KERNEL_REACTORS(Counts, AnEventToEachOfManyClients) {
  run_on(reactor, []() -> task<> {
    constexpr std::size_t clients = 100;
    constexpr int events = 100;
    audience a;
    co_await with_server(a.server, [&](std::string, endpoint here) -> task<> {
      co_await a.come(here, clients);
      co_await a.send(50);
      const auto calls = this_loop().stats().system_calls;
      const auto allocations = rondo_test::allocations();
      const auto frames = detail::frames_from_heap();
      co_await a.send(events);
      const auto each = [&](std::uint64_t after, std::uint64_t before) {
        return static_cast<double>(after - before) / (events * clients);
      };
      const double system_calls = each(this_loop().stats().system_calls, calls);
      const double allocated = each(rondo_test::allocations(), allocations);
      std::printf("  an event costs each client %.3f system calls, %.3f allocations\n",
                  system_calls, allocated);
      EXPECT_LE(system_calls, 1.1);
      EXPECT_LE(allocated, 1.1);  // its text
      EXPECT_EQ(detail::frames_from_heap(), frames);
    });
  });
}

// In user space, of the process' heap; the test's own sockets are in it.
ON_KERNEL_REACTORS(Counts, AnEventClientAtRestHoldsLittle) {
  run_on(reactor, []() -> task<> {
    constexpr std::size_t clients = 1000;
    audience a;
    co_await with_server(a.server, [&](std::string, endpoint here) -> task<> {
      a.clients.reserve(2 * clients);
      co_await a.come(here, 10);
      co_await a.send(10);
      const std::size_t before = mallinfo2().uordblks;
      co_await a.come(here, clients);
      co_await a.send(10);
      const std::size_t each = (mallinfo2().uordblks - before) / clients;
      std::printf("  an event client at rest holds %zu bytes\n", each);
      EXPECT_LE(each, std::size_t{2560});
    });
  });
}

}  // namespace events_test

#endif
