// Names, connecting and accepting.
#include "net/net_support.hpp"
#include "support/conformance.hpp"
#include "support/name_service.hpp"

#include <rondo/net.hpp>

#include <fcntl.h>
#include <netdb.h>
#include <sys/resource.h>

#include <algorithm>
#include <optional>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;

// --- resolve -------------------------------------------------------------------------------------

CONFORMANCE(Resolve, AnswersANumericHostWithoutALookup) {
  const auto v4 = co_await net::resolve("127.0.0.1", 80);
  EXPECT_EQ(v4, std::vector{endpoint::parse("127.0.0.1:80")});
  const auto v6 = co_await net::resolve("::1", 81);
  EXPECT_EQ(v6, std::vector{endpoint::parse("[::1]:81")});
}

CONFORMANCE(Resolve, KnowsLocalhost) {
  const auto found = co_await net::resolve("localhost", 80);
  EXPECT_FALSE(found.empty());
  for (const endpoint& e : found) {
    EXPECT_TRUE(e.ip().is_loopback()) << e.to_string();
    EXPECT_EQ(e.port(), 80);
  }
}

CONFORMANCE(Resolve, KnowsThatWhatIsUnderLocalhostIsThisHost) {
  for (const char* name : {"rondo.localhost", "A.b.LocalHost."}) {
    const auto found = co_await net::resolve(name, 80);
    EXPECT_FALSE(found.empty());
    for (const endpoint& e : found) EXPECT_TRUE(e.ip().is_loopback()) << e.to_string();
  }
}

// RFC 6761, section 6.4: .invalid never resolves. A machine without a name server cannot say so for
// sure.
CONFORMANCE(Resolve, NamesTheHostItDoesNotKnow) {
  try {
    co_await net::resolve("no-such-host.invalid", 80);
    ADD_FAILURE() << "it was resolved";
  } catch (const net::resolve_error& e) {
    EXPECT_TRUE(e.code() == std::error_code(EAI_NONAME, net::resolver_category()) ||
                e.code() == std::error_code(EAI_AGAIN, net::resolver_category()))
        << e.code();
    EXPECT_NE(std::string(e.what()).find("no-such-host.invalid"), std::string::npos) << e.what();
  }
}

CONFORMANCE(Resolve, RefusesWhatCannotBeAName) {
  for (const std::string& name : {std::string(), std::string(254, 'a'), std::string("a\0b", 3)}) {
    const auto found = co_await as_result(net::resolve(name, 80));
    EXPECT_EQ(found.code(), std::error_code(EAI_NONAME, net::resolver_category())) << name.size();
  }
}

CONFORMANCE(Resolve, LeavesAtOnceWhenItsTimeIsUp) {
  const bool in_time = (co_await try_for(0ns, net::resolve("localhost", 80))).has_value();
  EXPECT_FALSE(in_time);
}

// What has an answer without a question takes no lookup's place, and waits for none.
ON_KERNEL_REACTORS(Resolve, AnswersWhatNeedsNoServerWhileEightNamesHang) {
  run_on(reactor, []() -> task<> {
    tcp_listener listener = listen_here();
    const std::uint16_t port = listener.local_endpoint().port();
    co_await net::resolve("kept.both.test", 80);
    std::optional<hanging_names> silence(std::in_place);
    co_await with_task_group([&](task_group& g) -> task<> {
      for (int i = 0; i < 8; ++i)
        g.spawn([](std::string name) -> task<> {
          const auto found = co_await as_result(net::resolve(name, 80));
          EXPECT_TRUE(found.has_error());
        }(std::to_string(i) + ".hangs.test"));
      while (silence->count() < 8) co_await sleep_for(1ms);
      const std::uint64_t asked = questions_asked();
      for (const char* name : {"localhost", "LOCALHOST.", "a.b.localhost", "127.0.0.1", "::1",
                               "127.1", "0x7f.0.0.1", "2130706433", "kept.both.test"}) {
        const auto found = co_await try_for(10s, net::resolve(name, 80));
        EXPECT_TRUE(found && !found->empty()) << name;
      }
      const auto own = net::connect_options().resolver(
          [](std::string, std::uint16_t p) -> task<std::vector<endpoint>> {
            co_return std::vector{loopback(p)};
          });
      EXPECT_TRUE(co_await try_for(10s, tcp_stream::connect("pinned.hangs.test", port, own)));
      EXPECT_TRUE(co_await try_for(10s, tcp_stream::connect("localhost", port)));
      EXPECT_EQ(questions_asked(), asked);
      EXPECT_EQ(silence->count(), 8U);
      silence.reset();
    });
  });
}

ON_KERNEL_REACTORS(Resolve, AsksOnceForANameThatDoesNotExist) {
  run_on(reactor, []() -> task<> {
    for (const auto& [name, code] :
         {std::pair("a.missing.test", EAI_NONAME), std::pair("a.empty.test", EAI_NODATA),
          std::pair("a.later.test", EAI_AGAIN)}) {
      const std::uint64_t asked = questions_asked();
      const auto found = co_await as_result(net::resolve(name, 80));
      EXPECT_EQ(found.code(), std::error_code(code, net::resolver_category())) << name;
      EXPECT_EQ(questions_asked() - asked, 1U) << name;
    }
  });
}

// As AI_ADDRCONFIG would have it; but a name that has nothing else keeps what it has: a machine's
// own names (ip6-localhost, say) are of a family in which it may have loopback alone.
ON_KERNEL_REACTORS(Resolve, LeavesOutTheFamilyThatTheMachineLacksUnlessThereIsNoOther) {
  const endpoint v4 = endpoint::parse("192.0.2.1:80");
  const endpoint v6 = endpoint::parse("[2001:db8::1]:80");
  struct {
    bool has_v4, has_v6;
    std::vector<endpoint> both;
  } const machines[] = {
      {true, true, {v6, v4}}, {true, false, {v4}}, {false, true, {v6}}, {false, false, {v6, v4}}};
  for (const auto& m : machines) {
    const machine_with machine(m.has_v4, m.has_v6);
    run_on(reactor, [&]() -> task<> {
      const std::uint64_t asked = questions_asked();
      EXPECT_EQ(co_await net::resolve("a.both.test", 80), m.both);
      EXPECT_EQ(co_await net::resolve("a.v4.test", 80), std::vector{v4});
      EXPECT_EQ(co_await net::resolve("a.v6.test", 80), std::vector{v6});
      EXPECT_EQ(questions_asked() - asked, 3U);
    });
  }
}

CONFORMANCE_RUNS(Resolve, TakesTheNamesOfTheSimulation) {
  if (reactor != reactor_kind::simulated) return;
  simulation_options world;
  world.host("a.example", "10.0.0.1").host("b.example", "2001:db8::1");
  run_as(options_for(reactor).simulation(world), []() -> task<> {
    EXPECT_EQ(co_await net::resolve("a.example", 1), std::vector{endpoint::parse("10.0.0.1:1")});
    EXPECT_EQ(co_await net::resolve("b.example", 2),
              std::vector{endpoint::parse("[2001:db8::1]:2")});
  });
}

// --- connect -------------------------------------------------------------------------------------

CONFORMANCE(Connect, TellsBothEndsTheirNames) {
  tcp_listener listener = listen_here();
  stream_pair p = co_await connect_pair(listener);
  EXPECT_EQ(p.client.remote_endpoint(), listener.local_endpoint());
  EXPECT_EQ(p.server.local_endpoint(), listener.local_endpoint());
  EXPECT_EQ(p.client.local_endpoint(), p.server.remote_endpoint());
  EXPECT_NE(p.client.local_endpoint().port(), 0);
}

CONFORMANCE(Connect, WorksByName) {
  tcp_listener listener = listen_here();
  tcp_stream s = co_await tcp_stream::connect("localhost", listener.local_endpoint().port());
  tcp_stream peer = co_await listener.accept();
  EXPECT_EQ(peer.remote_endpoint(), s.local_endpoint());
}

CONFORMANCE(Connect, WorksOverIpv6) {
  tcp_listener listener = tcp_listener::bind(endpoint::parse("[::1]:0"));
  stream_pair p = co_await connect_pair(listener);
  co_await write_text(p.client, "six");
  EXPECT_EQ(co_await read_text(p.server, 3), "six");
}

CONFORMANCE(Connect, IsRefusedWhereNobodyListens) {
  const unserved_port port;
  const endpoint gone = port.at();
  const std::size_t before = resources::now().descriptors;
  try {
    co_await tcp_stream::connect(gone);
    ADD_FAILURE() << "it was accepted";
  } catch (const std::system_error& e) {
    EXPECT_EQ(e.code(), system_code(ECONNREFUSED));
    EXPECT_NE(std::string(e.what()).find(gone.to_string()), std::string::npos) << e.what();
  }
  const auto by_name = co_await as_result(tcp_stream::connect("localhost", gone.port()));
  EXPECT_EQ(by_name.code(), system_code(ECONNREFUSED));
  EXPECT_EQ(resources::now().descriptors, before);
}

CONFORMANCE(Connect, TriesWhatTheFilterAllowsAlone) {
  tcp_listener listener = listen_here();
  const std::uint16_t port = listener.local_endpoint().port();
  const auto v4 = net::connect_options().filter([](const endpoint& to) { return to.ip().is_v4(); });
  tcp_stream s = co_await tcp_stream::connect("localhost", port, v4);
  EXPECT_EQ(s.remote_endpoint(), listener.local_endpoint());
  tcp_stream again = co_await tcp_stream::connect(
      std::vector{endpoint(net::address::loopback_v6(), port), listener.local_endpoint()}, v4);
  EXPECT_EQ(again.remote_endpoint(), listener.local_endpoint());
  const auto v6 = net::connect_options().filter([](const endpoint& to) { return to.ip().is_v6(); });
  const auto refused = co_await as_result(tcp_stream::connect(listener.local_endpoint(), v6));
  EXPECT_EQ(refused.code(), std::errc::permission_denied);
}

CONFORMANCE(Connect, NamesTheHostThatIsUnknown) {
  const auto r = co_await as_result(tcp_stream::connect("no-such-host.invalid", 80));
  EXPECT_EQ(r.code().category(), net::resolver_category());
}

// A backlog that is full answers nothing, as a host that is down.
CONFORMANCE(Connect, LeavesNoDescriptorWhenItIsCancelled) {
  tcp_listener listener = tcp_listener::bind(loopback(), net::listen_options().backlog(1));
  std::vector<tcp_stream> filling;
  for (int i = 0; i < 16; ++i) {
    auto s = co_await try_for(50ms, tcp_stream::connect(listener.local_endpoint()));
    if (!s) break;
    filling.push_back(std::move(*s));
  }
  EXPECT_LT(filling.size(), 16U);
  const std::size_t before = resources::now().descriptors;
  const auto start = this_loop().now();
  const auto late = co_await try_for(20ms, tcp_stream::connect(listener.local_endpoint()));
  EXPECT_FALSE(late);
  EXPECT_GE(this_loop().now() - start, 20ms);
  EXPECT_EQ(resources::now().descriptors, before);
}

CONFORMANCE(Connect, ThatFailsLeavesTheLoopToOthers) {
  tcp_listener listener = listen_here();
  const unserved_port port;
  const endpoint gone = port.at();
  int refused = 0;
  int served = 0;
  co_await with_task_group([&](task_group& g) -> task<> {
    for (int i = 0; i < 20; ++i) {
      g.spawn([&]() -> task<> {
        refused += (co_await as_result(tcp_stream::connect(gone))).has_error();
      });
      g.spawn([&]() -> task<> {
        tcp_stream s = co_await tcp_stream::connect(listener.local_endpoint());
        served += s.is_open();
      });
    }
    for (int i = 0; i < 20; ++i) co_await listener.accept();
  });
  EXPECT_EQ(refused, 20);
  EXPECT_EQ(served, 20);
}

// Linux gives the source ports of one destination in order, so a listener is looked for whose port
// will soon be the next one; without it, a connect of that number would meet itself (a simultaneous
// open, RFC 9293).
ON_KERNEL_REACTORS(Connect, ToItselfIsARefusal) {
  run_on(reactor, []() -> task<> {
    std::optional<endpoint> target;
    for (int port = 40'000; port < 60'000 && !target; port += 2) {
      tcp_listener listener;
      try {
        listener = tcp_listener::bind(loopback(static_cast<std::uint16_t>(port)));
      } catch (const std::system_error&) {
        continue;  // taken
      }
      stream_pair p = co_await connect_pair(listener);
      const int next = p.client.local_endpoint().port();
      if (next < port && port - next < 400) target = listener.local_endpoint();
      reset_on_close(p.client);
      p.client.close();
    }
    EXPECT_TRUE(target) << "no port near the next source port was found";
    for (int i = 0; target && i < 400; ++i) {
      auto r = co_await as_result(tcp_stream::connect(*target));
      if (r.has_value()) {  // somebody else listens there by now
        EXPECT_NE(r.value().local_endpoint(), r.value().remote_endpoint());
      } else {
        EXPECT_EQ(r.code(), system_code(ECONNREFUSED));
      }
    }
  });
}

// --- listener and accept -------------------------------------------------------------------------

CONFORMANCE(Listener, PicksAPortAndTellsIt) {
  tcp_listener a = listen_here();
  tcp_listener b = listen_here();
  EXPECT_NE(a.local_endpoint().port(), 0);
  EXPECT_NE(a.local_endpoint(), b.local_endpoint());
  EXPECT_TRUE(a.is_open());
  co_return;
}

CONFORMANCE(Listener, NamesTheEndpointThatIsTaken) {
  tcp_listener a = listen_here();
  try {
    tcp_listener::bind(a.local_endpoint());
    ADD_FAILURE() << "it was bound twice";
  } catch (const std::system_error& e) {
    EXPECT_EQ(e.code(), system_code(EADDRINUSE));
    EXPECT_NE(std::string(e.what()).find(a.local_endpoint().to_string()), std::string::npos)
        << e.what();
  }
  co_return;
}

CONFORMANCE(Listener, TakesNoUnixName) {
  EXPECT_THROW(tcp_listener::bind(endpoint::parse("unix:@rondo-test")), std::invalid_argument);
  co_return;
}

CONFORMANCE(Listener, CanBeBoundAgainAtOnceAfterItServed) {
  tcp_listener a = listen_here();
  const endpoint here = a.local_endpoint();
  {
    stream_pair p = co_await connect_pair(a);
    co_await p.server.shutdown_write();  // the server's side goes first: TIME_WAIT is ours
    EXPECT_EQ(co_await read_text(p.client), "");
  }
  a.close();
  tcp_listener b = tcp_listener::bind(here);
  EXPECT_EQ(b.local_endpoint(), here);
}

ON_KERNEL_REACTORS(Listener, SharesAPortWhenAskedTo) {
  run_on(reactor, []() -> task<> {
    tcp_listener a = tcp_listener::bind(loopback(), net::listen_options().reuse_port(true));
    tcp_listener b = tcp_listener::bind(a.local_endpoint(), net::listen_options().reuse_port(true));
    EXPECT_EQ(a.local_endpoint(), b.local_endpoint());
    co_return;
  });
}

CONFORMANCE(Accept, WaitsForAConnection) {
  tcp_listener listener = listen_here();
  bool accepted = false;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      tcp_stream s = co_await listener.accept();
      accepted = s.is_open();
    });
    co_await yield_now();
    co_await yield_now();
    EXPECT_FALSE(accepted);
    co_await tcp_stream::connect(listener.local_endpoint());
  });
  EXPECT_TRUE(accepted);
}

CONFORMANCE(Accept, TakesConnectionsInOrder) {
  tcp_listener listener = listen_here();
  std::vector<tcp_stream> clients;
  for (int i = 0; i < 10; ++i)
    clients.push_back(co_await tcp_stream::connect(listener.local_endpoint()));
  for (const tcp_stream& c : clients) {
    tcp_stream s = co_await listener.accept();
    EXPECT_EQ(s.remote_endpoint(), c.local_endpoint());
  }
}

CONFORMANCE(Accept, RefusesASecondAccepter) {
  tcp_listener listener = listen_here();
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      const auto r = co_await as_result(listener.accept());
      EXPECT_EQ(r.code(), io_errc::closed);
    });
    co_await yield_now();
    const auto second = co_await as_result(listener.accept());
    EXPECT_EQ(second.code(), io_errc::busy);
    listener.close();
  });
}

CONFORMANCE(Accept, EndsWhenTheListenerIsClosed) {
  tcp_listener listener = listen_here();
  outcome<tcp_stream> r;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> { r = co_await as_result(listener.accept()); });
    co_await sleep_for(1ms);
    listener.close();
  });
  EXPECT_EQ(r.code(), io_errc::closed);
  const auto later = co_await as_result(listener.accept());
  EXPECT_EQ(later.code(), io_errc::closed);
  EXPECT_FALSE(listener.is_open());
}

CONFORMANCE(Accept, LosesNoConnectionWhenItIsCancelled) {
  tcp_listener listener = listen_here();
  for (int i = 0; i < 20; ++i) {
    auto none = co_await try_for(i % 2 == 0 ? 0ns : 100us, listener.accept());
    EXPECT_FALSE(none);
  }
  tcp_stream client = co_await tcp_stream::connect(listener.local_endpoint());
  tcp_stream server = co_await listener.accept();
  EXPECT_EQ(server.remote_endpoint(), client.local_endpoint());
}

ON_KERNEL_REACTORS(Accept, SaysThatNoDescriptorIsLeft) {
  run_on(reactor, []() -> task<> {
    tcp_listener listener = listen_here();
    tcp_stream client = co_await tcp_stream::connect(listener.local_endpoint());
    outcome<tcp_stream> full;
    {
      const descriptors_left none(0);
      full = co_await as_result(listener.accept());
    }
    EXPECT_EQ(full.code(), system_code(EMFILE));
    tcp_stream server = co_await listener.accept();
    EXPECT_EQ(server.remote_endpoint(), client.local_endpoint());
  });
}

ON_KERNEL_REACTORS(Connect, SaysThatNoDescriptorIsLeft) {
  run_on(reactor, []() -> task<> {
    tcp_listener listener = listen_here();
    outcome<tcp_stream> full;
    {
      const descriptors_left none(0);
      full = co_await as_result(tcp_stream::connect(listener.local_endpoint()));
    }
    EXPECT_EQ(full.code(), system_code(EMFILE));
  });
}

// --- serve ---------------------------------------------------------------------------------------

namespace {

task<> echo(tcp_stream s) {
  std::vector<std::byte> buffer(4096);
  while (const std::size_t n = co_await s.read_some(buffer))
    co_await s.write_all(std::span(buffer).first(n));
}

task<std::string> say(endpoint to, std::string text) {
  tcp_stream s = co_await tcp_stream::connect(to);
  co_await write_text(s, text);
  co_await s.shutdown_write();
  co_return co_await read_text(s);
}

}  // namespace

CONFORMANCE(Serve, RunsAHandlerForEachConnection) {
  tcp_listener listener = listen_here();
  const endpoint here = listener.local_endpoint();
  std::vector<std::string> answers(50);
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&] { return net::serve(std::move(listener), echo); });
    co_await with_task_group([&](task_group& clients) -> task<> {
      for (std::size_t i = 0; i < answers.size(); ++i)
        clients.spawn(
            [&, i]() -> task<> { answers[i] = co_await say(here, "hello " + std::to_string(i)); });
      co_return;
    });
    g.cancel();
  });
  for (std::size_t i = 0; i < answers.size(); ++i)
    EXPECT_EQ(answers[i], "hello " + std::to_string(i));
}

CONFORMANCE(Serve, KeepsToItsLimitOfConnections) {
  tcp_listener listener = listen_here();
  const endpoint here = listener.local_endpoint();
  int now = 0;
  int most = 0;
  int served = 0;
  co_await with_task_group([&](task_group& g) -> task<> {
    auto handler = [&](tcp_stream s) -> task<> {
      most = std::max(most, ++now);
      co_await echo(std::move(s));
      --now;
      ++served;
    };
    g.spawn([&, handler] {
      return net::serve(std::move(listener), handler, net::serve_options().max_connections(3));
    });
    co_await with_task_group([&](task_group& clients) -> task<> {
      for (int i = 0; i < 20; ++i)
        clients.spawn([&]() -> task<> { EXPECT_EQ(co_await say(here, "x"), "x"); });
      co_return;
    });
    g.cancel();
  });
  EXPECT_EQ(most, 3);
  EXPECT_EQ(served, 20);
}

CONFORMANCE_RUNS(Serve, ReportsWhatAHandlerThrowsAndGoesOn) {
  int reported = 0;
  run_as(run_options().reactor(reactor).on_unhandled([&](const std::exception_ptr& e) {
    try {
      std::rethrow_exception(e);
    } catch (const std::domain_error&) {
      ++reported;
    }
  }),
         []() -> task<> {
           tcp_listener listener = listen_here();
           const endpoint here = listener.local_endpoint();
           int n = 0;
           co_await with_task_group([&](task_group& g) -> task<> {
             auto handler = [&n](tcp_stream s) -> task<> {
               if (++n <= 3) throw std::domain_error("one connection");
               co_await echo(std::move(s));
             };
             g.spawn([&, handler] { return net::serve(std::move(listener), handler); });
             for (int i = 0; i < 3; ++i) {
               tcp_stream s = co_await tcp_stream::connect(here);
               EXPECT_EQ(co_await read_text(s), "");
             }
             EXPECT_EQ(co_await say(here, "still"), "still");
             g.cancel();
           });
         });
  EXPECT_EQ(reported, 3);
}

CONFORMANCE(Serve, WaitsForItsHandlersWhenItIsCancelled) {
  tcp_listener listener = listen_here();
  const endpoint here = listener.local_endpoint();
  int begun = 0;
  int cleaned = 0;
  co_await with_task_group([&](task_group& g) -> task<> {
    auto handler = [&](tcp_stream s) -> task<> {
      ++begun;
      co_await finally(echo(std::move(s)), [&]() -> task<> {
        co_await sleep_for(2ms);
        ++cleaned;
      });
    };
    auto server = g.spawn([&, handler] { return net::serve(std::move(listener), handler); });
    std::vector<tcp_stream> clients;
    for (int i = 0; i < 5; ++i) clients.push_back(co_await tcp_stream::connect(here));
    while (begun < 5) co_await sleep_for(1ms);
    EXPECT_EQ(cleaned, 0);
    server.cancel();
    const auto how = co_await server.join();
    EXPECT_TRUE(how.is_cancelled());
    EXPECT_EQ(cleaned, 5);
    for (tcp_stream& c : clients) EXPECT_EQ(co_await read_text(c), "");
    const auto refused = co_await as_result(tcp_stream::connect(here));
    EXPECT_EQ(refused.code(), system_code(ECONNREFUSED));
  });
}

CONFORMANCE(Serve, EndsWithTheErrorOfItsListener) {
  tcp_listener closed = listen_here();
  closed.close();
  const auto r = co_await as_result(net::serve(std::move(closed), echo));
  EXPECT_EQ(r.code(), io_errc::closed);
}

ON_KERNEL_REACTORS(Serve, WaitsOutALackOfDescriptors) {
  run_on(reactor, []() -> task<> {
    tcp_listener listener = listen_here();
    const endpoint here = listener.local_endpoint();
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&] { return net::serve(std::move(listener), echo); });
      tcp_stream first;
      tcp_stream waiting;
      {
        // io_uring reads the limit when an accept begins: the first connection is still served by
        // one that began before.
        const descriptors_left three(3);
        first = co_await tcp_stream::connect(here);
        co_await write_text(first, "patience");
        EXPECT_EQ(co_await read_text(first, 8), "patience");
        waiting = co_await tcp_stream::connect(here);
        co_await write_text(waiting, "later");
        std::vector<std::byte> buffer(5);
        EXPECT_FALSE(co_await try_for(20ms, waiting.read_some(buffer)));
      }
      EXPECT_EQ(co_await read_text(waiting, 5), "later");
      g.cancel();
    });
  });
}
