// hiredis inside Rondo, with a real Redis.
#include "../examples/bridges/redis_pool.hpp"
#include "bridges/bridge_support.hpp"

#include <csignal>
#include <optional>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;

namespace {

class redis_server {
 public:
  static std::string missing_here() {
    return find_program("redis-server").empty() ? "redis-server is not installed" : "";
  }
  std::string socket() const { return folder_ / "redis.sock"; }
  net::process start() const {
    return start_server(
        {find_program("redis-server"), "--port", "0", "--unixsocket", socket(), "--dir",
         folder_.path(), "--save", "", "--appendonly", "yes", "--appendfsync", "always"},
        folder_ / "log");
  }

 private:
  temporary_folder folder_;
};

// fn(connection), with the task that drives it.
template <class Fn>
task<> connected(std::string path, Fn fn) {
  co_await with_task_group([&](task_group& g) -> task<> {
    auto& r = g.make<redis>(path);
    auto pump = g.spawn(r.run());
    co_await fn(r);
    pump.cancel();
  });
}
task<> ping(std::string path) {
  co_await timeout(1s, connected(path, [](redis& r) -> task<> { co_await r.command({"PING"}); }));
}

}  // namespace

ON_KERNEL_REACTORS(RedisBridge, CommandsAndMessagesBesideAThousandTasks) {
  if (const std::string why = redis_server::missing_here(); !why.empty()) GTEST_SKIP() << why;
  const redis_server server;
  run_on(reactor, [&]() -> task<> {
    net::process p = server.start();
    co_await until_it_works([&] { return ping(server.socket()); });
    co_await beside_a_thousand_tasks([&]() -> task<> {
      queue<std::string> heard(1000);
      co_await connected(server.socket(), [&](redis& listener) -> task<> {
        listener.subscribe("news", heard);
        co_await connected(server.socket(), [&](redis& r) -> task<> {
          while ((co_await r.command({"PUBSUB", "NUMSUB", "news"})).list[1].number == 0) {
          }
          std::vector<task<redis_reply>> many;
          for (int i = 0; i < 500; ++i) many.push_back(r.command({"INCR", "n"}));
          const auto answers = co_await gather(std::move(many));
          for (int i = 0; i < 500; ++i)
            EXPECT_EQ(answers[static_cast<std::size_t>(i)].number, i + 1);  // in order
          EXPECT_THROW((void)co_await r.command({"LPUSH", "n", "x"}), redis_error);
          const std::string large(3 << 20, 'l');
          co_await r.command({"SET", "large", large});
          EXPECT_EQ((co_await r.command({"GET", "large"})).text, large);
          for (int i = 0; i < 100; ++i) co_await r.command({"PUBLISH", "news", std::to_string(i)});
          for (int i = 0; i < 100; ++i) EXPECT_EQ(co_await heard.get(), std::to_string(i));
        });
      });
      EXPECT_TRUE(heard.closed());  // its connection has gone
    });
    co_await p.stop();
  });
}

ON_KERNEL_REACTORS(RedisBridge, TheServerIsKilledAndComesBack) {
  if (const std::string why = redis_server::missing_here(); !why.empty()) GTEST_SKIP() << why;
  const redis_server server;
  run_on(reactor, [&]() -> task<> {
    net::process p = server.start();
    co_await until_it_works([&] { return ping(server.socket()); });
    co_await connected(server.socket(), [&](redis& r) -> task<> {
      co_await r.command({"SET", "kept", "yes"});
      co_await with_task_group([&](task_group& g) -> task<> {
        g.spawn([&]() -> task<> {
          EXPECT_THROW((void)co_await r.command({"BLPOP", "never", "0"}), redis_error);
        });
        co_await r.command({"PING"});
        p.kill(SIGKILL);
        (void)co_await p.wait();
      });
      EXPECT_FALSE(r.connected());
      EXPECT_THROW((void)co_await r.command({"PING"}), redis_error);
    });
    net::process again = server.start();
    co_await until_it_works([&] { return ping(server.socket()); });
    co_await connected(server.socket(), [&](redis& r) -> task<> {
      EXPECT_EQ((co_await r.command({"GET", "kept"})).text, "yes");
    });
    co_await again.stop();
  });
}

// hiredis lets SIGPIPE come, which ended programs.
ON_KERNEL_REACTORS(RedisBridge, ToWriteToAServerThatHasGoneIsAnError) {
  const temporary_folder folder;
  run_on(reactor, [&]() -> task<> {
    net::unix_listener gone_at_once =
        net::unix_listener::bind(net::endpoint::parse("unix:" + (folder / "socket")));
    redis r(folder / "socket");
    (void)co_await gone_at_once.accept();
    co_await with_task_group([&](task_group& g) -> task<> {
      auto answer = g.spawn(
          [&]() -> task<> { EXPECT_THROW((void)co_await r.command({"PING"}), redis_error); });
      co_await yield_now();
      co_await r.run();
    });
  });
}

// Each waits in a connection of its own; one of them gives up; the server dies and comes back.
ON_KERNEL_REACTORS(RedisBridge, ConnectionsAreLentFromAPool) {
  if (const std::string why = redis_server::missing_here(); !why.empty()) GTEST_SKIP() << why;
  const redis_server server;
  run_on(reactor, [&]() -> task<> {
    net::process p = server.start();
    co_await until_it_works([&] { return ping(server.socket()); });
    pool<lent_redis> all([&] { return lent_redis::connect(server.socket()); },
                         lent_redis::pooled().limit(2).check_after(0s));
    const auto wait_for = [&](const char* list) -> task<std::string> {
      auto r = co_await all.acquire();
      co_return (co_await r->command({"BLPOP", list, "0"})).list.at(1).text;
    };
    co_await with_task_group([&](task_group& g) -> task<> {
      auto never = g.spawn(wait_for("never"));
      auto first = g.spawn(wait_for("first"));
      auto cancelled = g.spawn(wait_for("first"));  // in line
      auto last = g.spawn(wait_for("last"));
      while (all.waiting() < 2) co_await yield_now();
      cancelled.cancel();
      co_await connected(server.socket(), [](redis& r) -> task<> {
        co_await r.command({"LPUSH", "first", "a"});
        co_await r.command({"LPUSH", "last", "b"});
      });
      EXPECT_EQ((co_await first.join()).value(), "a");
      EXPECT_EQ((co_await last.join()).value(), "b");
      never.cancel();
    });
    EXPECT_EQ(all.lent(), 0U);
    EXPECT_EQ(all.idle(), 1U);  // the one that was cancelled in the middle of an answer is ended
    p.kill(SIGKILL);
    (void)co_await p.wait();
    EXPECT_THROW((void)co_await all.acquire(), redis_error);  // the dead one is found by asking
    net::process again = server.start();
    co_await until_it_works([&]() -> task<> {
      auto r = co_await all.acquire();
      EXPECT_EQ((co_await r->command({"ECHO", "x"})).text, "x");
    });
    all.close();
    co_await again.stop();
  });
}

ON_KERNEL_REACTORS(RedisBridge, IsCancelledAtEveryWait) {
  if (const std::string why = redis_server::missing_here(); !why.empty()) GTEST_SKIP() << why;
  const redis_server server;
  const child_process p(
      {"/bin/sh", "-c", "exec redis-server --port 0 --save '' --unixsocket " + server.socket()});
  run_on(reactor, until_it_works([&] { return ping(server.socket()); }));
  const auto n = cancel_at_every_wait(reactor, [&]() -> task<> {
    co_await connected(server.socket(), [](redis& r) -> task<> {
      co_await r.command({"SET", "a", "1"});
      EXPECT_EQ((co_await r.command({"GET", "a"})).text, "1");
      co_await gather(r.command({"INCR", "b"}), r.command({"INCR", "c"}));
    });
  });
  EXPECT_GE(n.at_rest, 5U);
}

ON_KERNEL_REACTORS(RedisBridge, ALentConnectionIsCancelledAtEveryWait) {
  if (const std::string why = redis_server::missing_here(); !why.empty()) GTEST_SKIP() << why;
  const redis_server server;
  const child_process p(
      {"/bin/sh", "-c", "exec redis-server --port 0 --save '' --unixsocket " + server.socket()});
  run_on(reactor, until_it_works([&] { return ping(server.socket()); }));
  std::optional<pool<lent_redis>> all;
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        all.emplace([&] { return lent_redis::connect(server.socket()); },
                    lent_redis::pooled().limit(1).check_after(0s));
        for (int i = 0; i < 2; ++i) {
          auto r = co_await all->acquire();
          EXPECT_EQ((co_await r->command({"ECHO", "x"})).text, "x");
        }
      },
      [&] {
        if (!all) return;  // cancelled before its first step
        EXPECT_EQ(all->lent(), 0U);
        all.reset();
      });
  EXPECT_GE(n.at_rest, 4U);
}
