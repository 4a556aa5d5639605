// libpq inside Rondo, with a real PostgreSQL.
#include "../examples/bridges/postgres.hpp"
#include "bridges/bridge_support.hpp"

#include <unistd.h>
#include <csignal>
#include <filesystem>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;

namespace {

// Where Debian has the server, or empty.
std::string postgres_folder() {
  std::error_code error;
  std::string newest;
  for (const auto& version : std::filesystem::directory_iterator("/usr/lib/postgresql", error))
    if (const std::string bin = version.path().string() + "/bin";
        std::filesystem::exists(bin + "/initdb", error))
      newest = std::max(newest, bin);
  return newest;
}
std::string postgres_missing() {
  return postgres_folder().empty() ? "postgresql is not installed" : "";
}

class postgres_server {
 public:
  postgres_server() {
    std::string prepare = "mkdir " + folder_ / "pg" + " && chmod 755 " + folder_.path();
    if (::geteuid() == 0) {  // PostgreSQL refuses to be root
      prepare += " && chown postgres " + folder_ / "pg";
      as_ = {"/usr/bin/setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"};
    }
    EXPECT_EQ(run_command({"/bin/sh", "-c", prepare}).status, 0);
    auto initdb = as_;
    initdb.insert(initdb.end(), {postgres_folder() + "/initdb", "-D", folder_ / "pg/data", "-U",
                                 "rondo", "-A", "trust", "--no-sync"});
    const finished f = run_command(initdb);
    EXPECT_EQ(f.status, 0) << f.output;
  }
  std::vector<std::string> command() const {
    auto all = as_;
    all.insert(all.end(), {postgres_folder() + "/postgres", "-D", folder_ / "pg/data", "-k",
                           folder_ / "pg", "-c", "listen_addresses=", "-c", "fsync=off"});
    return all;
  }
  net::process start() const { return start_server(command(), folder_ / "log"); }
  std::string how() const { return "host=" + folder_ / "pg" + " user=rondo dbname=postgres"; }

 private:
  temporary_folder folder_;
  std::vector<std::string> as_;
};

task<> ask(std::string how) {
  postgres db = co_await timeout(5s, postgres::connect(how));
  co_await db.query("select 1");
}

}  // namespace

ON_KERNEL_REACTORS(PostgresBridge, QueriesAndNoticesBesideAThousandTasks) {
  if (const std::string why = postgres_missing(); !why.empty()) GTEST_SKIP() << why;
  const postgres_server server;
  run_on(reactor, [&]() -> task<> {
    net::process p = server.start();
    co_await until_it_works([&] { return ask(server.how()); });
    co_await beside_a_thousand_tasks([&]() -> task<> {
      pool<postgres> dbs([&] { return postgres::connect(server.how()); },
                         postgres::pooled().limit(4));
      {
        auto db = co_await dbs.acquire();
        co_await db->query("create table if not exists t (n int, s text)");
      }
      co_await with_task_group([&](task_group& g) -> task<> {
        for (int i = 0; i < 100; ++i)
          g.spawn([&, i]() -> task<> {
            auto db = co_await dbs.acquire();
            co_await db->query("insert into t values ($1, $2)", {std::to_string(i), "x'y"});
          });
        co_return;
      });
      EXPECT_LE(dbs.size(), 4U);
      auto db = co_await dbs.acquire();
      const postgres::rows sum = co_await db->query("select count(*), sum(n), min(s) from t");
      EXPECT_EQ(sum, (postgres::rows{{"100", "4950", "x'y"}}));
      EXPECT_THROW((void)co_await db->query("select nonsense"), postgres_error);
      EXPECT_TRUE(db->idle());
      const std::string large(3 << 20, 'l');
      EXPECT_EQ((co_await db->query("select $1::text", {large}))[0][0], large);
      auto listener = co_await dbs.acquire();
      co_await listener->query("listen news");
      EXPECT_FALSE(co_await try_for(1ms, listener->notification()));
      for (int i = 0; i < 50; ++i)
        co_await db->query("select pg_notify('news', $1)", {std::to_string(i)});
      for (int i = 0; i < 50; ++i)
        EXPECT_EQ((co_await listener->notification()).payload, std::to_string(i));
      listener.discard();
    });
    p.kill(SIGQUIT);
    (void)co_await p.wait();
  });
}

ON_KERNEL_REACTORS(PostgresBridge, TheServerIsKilledAndComesBack) {
  if (const std::string why = postgres_missing(); !why.empty()) GTEST_SKIP() << why;
  const postgres_server server;
  run_on(reactor, [&]() -> task<> {
    net::process p = server.start();
    co_await until_it_works([&] { return ask(server.how()); });
    pool<postgres> dbs([&] { return postgres::connect(server.how()); },
                       postgres::pooled().limit(2).check_after(0s));
    {
      auto a = co_await dbs.acquire();
      auto b = co_await dbs.acquire();
      co_await a->query("select 1");
      b.give_back();
      co_await with_task_group([&](task_group& g) -> task<> {
        g.spawn([&]() -> task<> {
          EXPECT_THROW((void)co_await a->query("select pg_sleep(3600)"), postgres_error);
        });
        co_await yield_now();
        p.kill(SIGQUIT);  // it ends its sessions at once, and cleans nothing up
        (void)co_await p.wait();
      });
    }
    EXPECT_THROW((void)co_await dbs.acquire(), postgres_error);  // dead ones are found by asking
    net::process again = server.start();
    co_await until_it_works([&]() -> task<> {
      auto db = co_await dbs.acquire();
      EXPECT_EQ(co_await db->query("select 7"), (postgres::rows{{"7"}}));
    });
    dbs.close();
    again.kill(SIGQUIT);
    (void)co_await again.wait();
  });
}

ON_KERNEL_REACTORS(PostgresBridge, IsCancelledAtEveryWait) {
  if (const std::string why = postgres_missing(); !why.empty()) GTEST_SKIP() << why;
  const postgres_server server;
  const child_process p(server.command());
  run_on(reactor, until_it_works([&] { return ask(server.how()); }));
  std::optional<pool<postgres>> dbs;
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        dbs.emplace([&] { return postgres::connect(server.how()); }, postgres::pooled().limit(1));
        for (int i = 0; i < 2; ++i) {
          auto db = co_await dbs->acquire();
          EXPECT_TRUE(db->idle());
          EXPECT_EQ((co_await db->query("select repeat('x', 300000)"))[0][0].size(), 300'000U);
        }
      },
      [&] {
        if (!dbs) return;  // cancelled before its first step
        EXPECT_EQ(dbs->lent(), 0U);
        dbs.reset();
      });
  EXPECT_GE(n.at_rest, 4U);
}
