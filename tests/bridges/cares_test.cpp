// c-ares inside Rondo, asking dnsmasq, which is killed and comes back.
#include "../examples/bridges/cares.hpp"
#include "bridges/bridge_support.hpp"
#include "support/resources.hpp"

#include <csignal>
#include <filesystem>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;

namespace {

std::string dnsmasq_program() {
  if (std::filesystem::exists("/usr/sbin/dnsmasq")) return "/usr/sbin/dnsmasq";
  return find_program("dnsmasq");
}
std::string dnsmasq_missing() {
  return dnsmasq_program().empty() ? "dnsmasq is not installed" : "";
}

class name_server {
 public:
  explicit name_server(reactor_kind reactor)
      : port_(run_on(reactor, []() -> task<std::uint16_t> {
          co_return net::udp_socket::bind(net::endpoint::parse("127.0.0.1:0"))
              .local_endpoint()
              .port();
        })) {}
  std::vector<std::string> command() const {
    return {dnsmasq_program(),
            "--keep-in-foreground",
            "--no-resolv",
            "--no-hosts",
            "--conf-file=/dev/null",
            "--bind-interfaces",
            "--user=root",
            "--group=root",
            "--pid-file=" + folder_ / "pid",
            "--cache-size=0",
            "--listen-address=127.0.0.1",
            "--port=" + std::to_string(port_),
            "--address=/rondo.test/10.1.2.3"};
  }
  net::process start() const { return start_server(command(), folder_ / "log"); }
  std::string at() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  temporary_folder folder_;
  std::uint16_t port_;
};

template <class Fn>
task<> with_resolver(std::string servers, Fn fn) {
  co_await with_task_group([&](task_group& g) -> task<> {
    auto& r = g.make<cares_resolver>(servers);
    auto pump = g.spawn(r.run());
    co_await fn(r);
    pump.cancel();
  });
}
const std::vector<std::string> answer{"10.1.2.3"};
task<> ask_once(std::string servers) {
  co_await with_resolver(servers, [](cares_resolver& r) -> task<> {
    if (co_await r.resolve("a.rondo.test") != answer) throw std::runtime_error("not the answer");
  });
}

}  // namespace

ON_KERNEL_REACTORS(CaresBridge, AsksBesideAThousandTasksAServerThatIsKilled) {
  if (!long_run())
    GTEST_SKIP() << "only in long runs: dnsmasq is not always heard, and c-ares tries for a minute";
  if (const std::string why = dnsmasq_missing(); !why.empty()) GTEST_SKIP() << why;
  const name_server server(reactor);
  run_on(reactor, [&]() -> task<> {
    net::process p = server.start();
    co_await until_it_works([&] { return ask_once(server.at()); });
    co_await beside_a_thousand_tasks([&]() -> task<> {
      co_await with_resolver(server.at(), [&](cares_resolver& r) -> task<> {
        std::vector<task<std::vector<std::string>>> many;
        for (int i = 0; i < 50; ++i) many.push_back(r.resolve(std::to_string(i) + ".rondo.test"));
        for (const auto& a : co_await gather(std::move(many))) EXPECT_EQ(a, answer);
        EXPECT_THROW((void)co_await r.resolve("elsewhere.example"), std::runtime_error);
        p.kill(SIGKILL);
        (void)co_await p.wait();
        EXPECT_THROW((void)co_await r.resolve("b.rondo.test"), std::runtime_error);
        net::process again = server.start();
        co_await until_it_works([&]() -> task<> { (void)co_await r.resolve("c.rondo.test"); });
        co_await again.stop();
      });
    });
  });
}

ON_KERNEL_REACTORS(CaresBridge, IsCancelledAtEveryWait) {
  if (!long_run())
    GTEST_SKIP() << "only in long runs: dnsmasq is not always heard, and c-ares tries for a minute";
  if (const std::string why = dnsmasq_missing(); !why.empty()) GTEST_SKIP() << why;
  const name_server server(reactor);
  const child_process p(server.command());
  run_on(reactor, until_it_works([&] { return ask_once(server.at()); }));
  const auto n = cancel_at_every_wait(reactor, [&]() -> task<> {
    co_await with_resolver(server.at(), [](cares_resolver& r) -> task<> {
      co_await gather(r.resolve("a.rondo.test"), r.resolve("b.rondo.test"));
    });
  });
  EXPECT_GE(n.at_rest, 3U);
}
