// One server stops and another takes its port while clients go on asking: no request fails, and
// none is answered twice.
#include "http/http_support.hpp"
#include "net/kept_listener.hpp"
#include "support/conformance.hpp"
#include "support/resources.hpp"

#include <rondo/http.hpp>

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <thread>

namespace http_server_handover_cases {

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_request;
using http::server_response;

namespace {

constexpr int clients = 200;
constexpr int handovers = 10;

int all_requests() { return long_run() ? 100'000 : 4'000; }

// How often each number was answered, by whichever server.
struct ledger {
  std::vector<std::uint8_t> answered =
      std::vector<std::uint8_t>(static_cast<std::size_t>(all_requests()));
  int failed = 0;
  int done = 0;
  int served_by[handovers + 1] = {};
};

void add_number_route(http::server& s, ledger& l, int generation) {
  s.route("GET", "/{n}", [&l, generation](server_request& r) -> task<server_response> {
    const std::string n(r.param("n"));
    ++l.answered.at(static_cast<std::size_t>(std::stoi(n)));
    ++l.served_by[generation];
    co_return server_response::text(n);
  });
}

// Asks for its share of the numbers, each once, over a connection that is kept.
task<> ask_for(std::string origin, int first, ledger& l, event& progress) {
  http::client c;
  for (int n = first; n < all_requests(); n += clients) {
    const std::string number = std::to_string(n);
    try {
      if (co_await get_text(c, origin + "/" + number) != number) ++l.failed;
    } catch (const std::exception& e) {
      if (++l.failed == 1) ADD_FAILURE() << e.what();
    }
    ++l.done;
    progress.set();
  }
}

// `next_listener()` is what the next server listens at, made while the one before it does.
template <class Next>
task<> hand_over_and_over(tcp_listener first, Next next_listener) {
  ledger l;
  const std::string origin = origin_of(first.local_endpoint());
  event progress;
  co_await with_task_group([&](task_group& g) -> task<> {
    auto asking = g.spawn([&]() -> task<> {
      co_await with_task_group([&](task_group& all) -> task<> {
        for (int i = 0; i < clients; ++i) all.spawn(ask_for(origin, i, l, progress));
        co_return;
      });
    });
    tcp_listener listener = std::move(first);
    http::server servers[handovers + 1];
    std::optional<join_handle<void>> running;
    http::stop_handle stop;
    for (int generation = 0;; ++generation) {
      http::server& server = servers[generation];
      add_number_route(server, l, generation);
      const bool last = generation == handovers;
      std::optional<tcp_listener> next;
      if (!last) next = next_listener();
      http::stop_handle mine;
      auto serving = g.spawn([&server, listener = std::move(listener), mine]() mutable {
        return server.serve(std::move(listener), mine);
      });
      if (generation > 0) {  // the one before it goes when this one is there
        stop.stop();
        EXPECT_TRUE((co_await running->join()).has_value());
      }
      running.emplace(std::move(serving));
      stop = mine;
      if (last) break;
      listener = std::move(*next);
      while (l.done < all_requests() * (generation + 1) / (handovers + 1)) {
        progress.clear();
        co_await progress.wait();
      }
    }
    co_await asking;
    stop.stop();
    EXPECT_TRUE((co_await running->join()).has_value());
  });
  EXPECT_EQ(l.failed, 0);
  EXPECT_EQ(std::ranges::count(l.answered, 1), all_requests());
  for (const int n : l.served_by) EXPECT_GT(n, 0);
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

}  // namespace

ON_KERNEL_REACTORS(ServerHandover, OfTheListenerLosesNoRequest) {
  run_on(reactor, []() -> task<> {
    const kept_listener all;
    co_await hand_over_and_over(all.duplicate(), [&] { return all.duplicate(); });
  });
}

ON_KERNEL_REACTORS(ServerHandover, ToAnotherListenerLosesNoRequestWhereTheKernelMovesThem) {
  std::string trouble;
  std::thread apart([&] {
    trouble = enter_a_network_that_migrates();
    if (!trouble.empty()) return;
    run_on(reactor, []() -> task<> {
      const auto options = net::listen_options().reuse_port(true);
      tcp_listener first = tcp_listener::bind(net::endpoint::parse("127.0.0.1:0"), options);
      const endpoint here = first.local_endpoint();
      co_await hand_over_and_over(std::move(first),
                                  [&] { return tcp_listener::bind(here, options); });
    });
  });
  apart.join();
  if (!trouble.empty()) GTEST_SKIP() << trouble;
}

}  // namespace http_server_handover_cases
