// One server stops and another takes its port while clients go on asking, and others hear events:
// no request fails, none is answered twice, and no stream holds a stop until its grace is over.
#include "http/http_support.hpp"
#include "net/kept_listener.hpp"
#include "net/shared_port.hpp"
#include "support/conformance.hpp"
#include "support/resources.hpp"

#include <rondo/http.hpp>
#include <rondo/patterns.hpp>

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <fstream>
#include <latch>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

namespace http_server_handover_cases {

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_request;
using http::server_response;

namespace {

constexpr int clients = 200;
constexpr int event_clients = 20;
constexpr int handovers = 5;
constexpr std::size_t loops = 2;

int all_requests() { return long_run() ? 100'000 : 2'000; }
int share_of_one() { return all_requests() / (handovers + 1); }

// What became of each number that was asked for, and how many clients have heard of each server.
struct ledger {
  std::vector<std::atomic<int>> answered =
      std::vector<std::atomic<int>>(static_cast<std::size_t>(all_requests()));
  std::array<std::atomic<int>, handovers + 1> served_by{};
  std::array<int, handovers + 1> heard{};
  std::vector<int> failed;
  int done = 0;
  event progress;
  int begun = 0;
  int may_begin = 0;
  event more_may;
};

enum class losses { none, of_who_was_not_accepted };

void expect_complete(const ledger& l, losses allowed) {
  if (allowed == losses::none) EXPECT_EQ(l.failed.size(), 0U);
  int answered = 0;
  for (const std::atomic<int>& n : l.answered) {
    EXPECT_LE(n, 1);
    answered += n;
  }
  EXPECT_EQ(answered + static_cast<int>(l.failed.size()), all_requests());
  for (const int n : l.failed)  // no server has seen it
    EXPECT_EQ(l.answered[static_cast<std::size_t>(n)], 0) << n;
  for (const std::atomic<int>& n : l.served_by) EXPECT_GT(n, 0);
  testing::Test::RecordProperty("requests", all_requests());
  testing::Test::RecordProperty("reset", static_cast<int>(l.failed.size()));
}

// A stop that needs its grace holds the test for an hour.
http::server_options patient() { return http::server_options().grace(1h); }

void add_ledger_routes(http::server& s, ledger& l, int generation) {
  s.route("GET", "/{n}", [&l, generation](server_request& r) -> task<server_response> {
    const std::string n(r.param("n"));
    ++l.answered.at(static_cast<std::size_t>(std::stoi(n)));
    ++l.served_by.at(static_cast<std::size_t>(generation));
    co_return server_response::text(n);
  });
  s.events("/events", [generation](server_request&, http::event_sink& out) -> task<> {
    co_await out.send(http::event().data(std::to_string(generation)));
    co_await sleep_for(1h);
  });
}

// Asks for its share of the numbers, each once, over a connection that is kept.
task<> ask_for(std::string origin, int first, ledger& l) {
  http::client c;
  for (int n = first; n < all_requests(); n += clients) {
    while (l.begun == l.may_begin) {
      c.close_idle();  // a stop would give it a second for one more request
      l.more_may.clear();
      co_await l.more_may.wait();
    }
    ++l.begun;
    const std::string number = std::to_string(n);
    try {
      EXPECT_EQ(co_await get_text(c, origin + "/" + number), number);
    } catch (const http::error&) {
      l.failed.push_back(n);
    }
    ++l.done;
    l.progress.set();
  }
}

// Hears of each server over a stream that is open until that one stops.
task<> hear_events(std::string origin, ledger& l) {
  http::client c;
  auto events = c.events(origin + "/events",
                         http::event_source_options().retry(1ms).extra(backoff::constant(1ms)));
  for (;;) {
    const auto e = co_await as_result(events.next());
    if (!e.has_value()) continue;  // its first connection was reset
    ++l.heard.at(static_cast<std::size_t>(std::stoi(e.value()->data)));
    l.progress.set();
  }
}

// Runs serve_all() beside the clients.
template <class ServeAll>
task<> beside_clients(ledger& l, std::string origin, ServeAll serve_all) {
  co_await with_task_group([&](task_group& hearing) -> task<> {
    for (int i = 0; i < event_clients; ++i) hearing.spawn(hear_events(origin, l));
    co_await with_task_group([&](task_group& asking) -> task<> {
      for (int i = 0; i < clients; ++i) asking.spawn(ask_for(origin, i, l));
      co_await serve_all();
    });
    hearing.cancel();
  });
}

// Until a server has done its part, and all its streams are open. While the next one takes over,
// half of its part may begin.
task<> until_it_may_go(ledger& l, int generation) {
  const bool last = generation == handovers;
  const int until = last ? all_requests() : share_of_one() * (generation + 1);
  l.may_begin = last ? all_requests() : until + share_of_one() / 2;
  l.more_may.set();
  while (l.done < until || l.heard.at(static_cast<std::size_t>(generation)) < event_clients) {
    l.progress.clear();
    co_await l.progress.wait();
  }
}

// All servers on the loop of the clients. `next_listener()` is what the next one listens at, made
// while the one before it does.
template <class Next>
task<> hand_over_on_one_loop(Next next_listener, losses allowed = losses::none) {
  ledger l;
  tcp_listener listener = next_listener();
  const std::string origin = origin_of(listener.local_endpoint());
  co_await beside_clients(l, origin, [&]() -> task<> {
    co_await with_task_group([&](task_group& g) -> task<> {
      std::optional<join_handle<void>> running;
      http::stop_handle stop;
      for (int i = 0; i <= handovers; ++i) {
        http::server& server = g.make<http::server>(patient());
        add_ledger_routes(server, l, i);
        const http::stop_handle mine;
        auto next = g.spawn(server.serve(std::move(listener), mine));
        if (running) {  // it goes when this one is there
          stop.stop();
          EXPECT_TRUE((co_await running->join()).has_value());
        }
        running.emplace(std::move(next));
        stop = mine;
        co_await until_it_may_go(l, i);
        if (i < handovers) listener = next_listener();
      }
      stop.stop();
    });
  });
  expect_complete(l, allowed);
}

// One of the servers, on loops of its own. `listen()` is called on each of them.
class server_on_loops {
 public:
  template <class Listen>
  server_on_loops(reactor_kind kind, ledger& l, int generation, Listen listen)
      : thread_([this, kind, &l, generation, listen] {
          http::serve_on_threads(
              loops,
              [&](http::stop_handle stop) { return serve(l, generation, listen, std::move(stop)); },
              stop_, run_options().reactor(kind));
        }) {}
  server_on_loops(const server_on_loops&) = delete;
  server_on_loops& operator=(const server_on_loops&) = delete;
  ~server_on_loops() {
    stop_.stop();
    if (thread_.joinable()) thread_.join();
  }

  task<> listens() {
    co_await to_thread([this] { listening_.wait(); });
  }
  task<> stop() {
    stop_.stop();
    co_await to_thread([this] { thread_.join(); });
  }

 private:
  template <class Listen>
  task<> serve(ledger& l, int generation, Listen listen, http::stop_handle stop) {
    http::server s(patient());
    add_ledger_routes(s, l, generation);
    tcp_listener listener = listen();
    listening_.count_down();
    co_await s.serve(std::move(listener), stop);
  }

  http::stop_handle stop_;
  std::latch listening_{loops};
  std::thread thread_;
};

template <class Listen>
task<> hand_over_on_loops(reactor_kind kind, endpoint at, Listen listen,
                          losses allowed = losses::none) {
  ledger l;
  auto running = std::make_unique<server_on_loops>(kind, l, 0, listen);
  co_await running->listens();
  co_await beside_clients(l, origin_of(at), [&]() -> task<> {
    for (int i = 1; i <= handovers; ++i) {
      co_await until_it_may_go(l, i - 1);
      auto next = std::make_unique<server_on_loops>(kind, l, i, listen);
      co_await next->listens();
      co_await running->stop();
      running = std::move(next);
    }
    co_await until_it_may_go(l, handovers);
    co_await running->stop();
  });
  expect_complete(l, allowed);
}

// A network of its own for this thread, with a loopback that is up and connections that move to
// another listener when theirs goes. Empty, or why it cannot be had.
std::string enter_a_network_that_migrates() {
  if (::unshare(CLONE_NEWNET) != 0) return "no network namespace can be made";
  const int s = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq loopback{};
  std::string("lo").copy(loopback.ifr_name, IFNAMSIZ - 1);
  loopback.ifr_flags = IFF_UP | IFF_RUNNING;
  const bool up = ::ioctl(s, SIOCSIFFLAGS, &loopback) == 0;
  ::close(s);
  if (!up) return "its loopback cannot be brought up";
  std::ofstream setting("/proc/sys/net/ipv4/tcp_migrate_req");
  setting << "1\n" << std::flush;
  return setting ? "" : "tcp_migrate_req cannot be set";
}

template <class Fn>
void in_a_network_that_migrates(Fn fn) {
  std::string trouble;
  std::thread apart([&] {
    trouble = enter_a_network_that_migrates();
    if (trouble.empty()) fn();
  });
  apart.join();
  if (!trouble.empty()) GTEST_SKIP() << trouble;
}

}  // namespace

// The loop is slower than the moment for which a server that stops waits for one more.
ON_KERNEL_REACTORS(ServerHandover, ABusyLoopLosesNoConnection) {
  run_on(reactor, []() -> task<> {
    for (int turns = 0; turns < 6; ++turns) {
      const kept_listener all;
      http::server servers[2];
      for (http::server& s : servers)
        s.route("GET", "/", [](server_request&) -> task<server_response> {
          co_return server_response::text("here");
        });
      http::stop_handle first;
      http::stop_handle second;
      co_await with_task_group([&](task_group& g) -> task<> {
        auto stopping = g.spawn(servers[0].serve(all.duplicate(), first));
        co_await yield_now();
        co_await yield_now();
        std::vector<tcp_stream> clients;
        for (int i = 0; i < 40; ++i) {
          clients.push_back(all.connect());
          co_await clients.back().write_all(net::bytes_of("GET / HTTP/1.0\r\n\r\n"));
        }
        for (int i = 0; i < turns; ++i) co_await yield_now();
        auto busy = g.spawn([]() -> task<> {
          for (int i = 0; i < 20; ++i) {
            std::this_thread::sleep_for(2ms);
            co_await yield_now();
          }
        });
        first.stop();
        g.spawn(servers[1].serve(all.duplicate(), second));
        for (tcp_stream& c : clients) {
          const auto answer = co_await as_result(read_text(c));
          EXPECT_TRUE(answer.has_value() && answer.value().ends_with("here"))
              << "stopped after " << turns << " turns";
        }
        clients.clear();
        co_await busy;
        co_await stopping;
        second.stop();
      });
    }
  });
}

ON_KERNEL_REACTORS(ServerHandover, OfTheListenerLosesNoRequest) {
  run_on(reactor, []() -> task<> {
    const kept_listener all;
    co_await hand_over_on_one_loop([&] { return all.duplicate(); });
  });
}

ON_KERNEL_REACTORS(ServerHandover, OfTheListenerOfSeveralLoopsLosesNoRequest) {
  run_on(reactor, [reactor]() -> task<> {
    const kept_listener all;
    co_await hand_over_on_loops(reactor, all.at(), [&] { return all.duplicate(); });
  });
}

ON_KERNEL_REACTORS(ServerHandover, ToAnotherListenerLosesNoRequestWhereTheKernelMovesThem) {
  in_a_network_that_migrates([&] {
    run_on(reactor, []() -> task<> {
      const shared_port port;
      co_await hand_over_on_one_loop([&] { return port.listen(); });
    });
  });
}

ON_KERNEL_REACTORS(ServerHandover, ToOtherLoopsLosesNoRequestWhereTheKernelMovesThem) {
  in_a_network_that_migrates([&] {
    run_on(reactor, [reactor]() -> task<> {
      const shared_port port;
      co_await hand_over_on_loops(reactor, port.at(), [&] { return port.listen(); });
    });
  });
}

// Elsewhere the kernel resets who has connected in the moment between the last accept and the
// close, and only those.
ON_KERNEL_REACTORS(ServerHandover, ToAnotherListenerLosesNobodyWhoWasAccepted) {
  run_on(reactor, []() -> task<> {
    const shared_port port;
    co_await hand_over_on_one_loop([&] { return port.listen(); }, losses::of_who_was_not_accepted);
  });
}

ON_KERNEL_REACTORS(ServerHandover, ToOtherLoopsLosesNobodyWhoWasAccepted) {
  run_on(reactor, [reactor]() -> task<> {
    const shared_port port;
    co_await hand_over_on_loops(
        reactor, port.at(), [&] { return port.listen(); }, losses::of_who_was_not_accepted);
  });
}

}  // namespace http_server_handover_cases
