// libcurl's multi interface inside Rondo, with nginx, which is killed and comes back.
#include "../examples/bridges/curl.hpp"
#include "bridges/bridge_support.hpp"

#include <csignal>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;

namespace {

class nginx_server {
 public:
  static std::string missing_here() {
    return find_program("nginx").empty() ? "nginx is not installed" : "";
  }
  explicit nginx_server(std::uint16_t port) : port_(port) {
    (void)folder_.write("page", std::string(100'000, 'p'));
    (void)folder_.write("conf", "daemon off; master_process off; pid " + folder_ / "pid" +
                                    "; error_log /dev/null; events {} http { access_log off; "
                                    "client_body_temp_path " +
                                    folder_ / "body" + "; server { listen 127.0.0.1:" +
                                    std::to_string(port) + "; root " + folder_.path() + "; } }");
  }
  std::vector<std::string> command() const {
    return {find_program("nginx"), "-p", folder_.path(), "-c", folder_ / "conf"};
  }
  net::process start() const { return start_server(command(), folder_ / "log"); }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/page"; }

 private:
  temporary_folder folder_;
  std::uint16_t port_;
};

std::uint16_t free_port(reactor_kind reactor) {
  return run_on(reactor, []() -> task<std::uint16_t> {
    co_return net::tcp_listener::bind(net::endpoint::parse("127.0.0.1:0")).local_endpoint().port();
  });
}

template <class Fn>
task<> with_curl(Fn fn) {
  co_await with_task_group([&](task_group& g) -> task<> {
    auto& c = g.make<curl_client>();
    auto pump = g.spawn(c.run());
    co_await fn(c);
    pump.cancel();
  });
}
task<> get_once(std::string url) {
  co_await with_curl([&](curl_client& c) -> task<> {
    const curl_answer a = co_await c.get(url);
    if (a.status != 200 || a.body.size() != 100'000) throw std::runtime_error("not the page");
  });
}

}  // namespace

ON_KERNEL_REACTORS(CurlBridge, FetchesBesideAThousandTasksFromAServerThatIsKilled) {
  if (const std::string why = nginx_server::missing_here(); !why.empty()) GTEST_SKIP() << why;
  const nginx_server server(free_port(reactor));
  run_on(reactor, [&]() -> task<> {
    net::process p = server.start();
    co_await until_it_works([&] { return get_once(server.url()); });
    co_await beside_a_thousand_tasks([&]() -> task<> {
      co_await with_curl([&](curl_client& c) -> task<> {
        std::vector<task<curl_answer>> many;
        for (int i = 0; i < 50; ++i) many.push_back(c.get(server.url()));
        for (const curl_answer& a : co_await gather(std::move(many))) {
          EXPECT_EQ(a.status, 200);
          EXPECT_EQ(a.body.size(), 100'000U);
        }
        p.kill(SIGKILL);
        (void)co_await p.wait();
        EXPECT_THROW((void)co_await c.get(server.url()), std::runtime_error);
        net::process again = server.start();
        co_await until_it_works([&]() -> task<> { (void)co_await c.get(server.url()); });
        co_await again.stop();
      });
    });
  });
}

ON_KERNEL_REACTORS(CurlBridge, IsCancelledAtEveryWait) {
  if (const std::string why = nginx_server::missing_here(); !why.empty()) GTEST_SKIP() << why;
  const nginx_server server(free_port(reactor));
  const child_process p(server.command());
  run_on(reactor, until_it_works([&] { return get_once(server.url()); }));
  const auto n = cancel_at_every_wait(reactor, [&]() -> task<> {
    co_await with_curl([&](curl_client& c) -> task<> {
      co_await gather(c.get(server.url()), c.get(server.url()));
    });
  });
  EXPECT_GE(n.at_rest, 3U);
}
