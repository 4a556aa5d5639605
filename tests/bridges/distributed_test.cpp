// examples/distributed/: consumers and Redis killed in the middle of many items. None is lost; the
// doubles are counted.
#include "../examples/bridges/redis.hpp"
#include "bridges/bridge_support.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <set>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;

namespace distributed_test {
namespace {

std::string example(const char* name) {
  const char* folder = std::getenv("RONDO_DISTRIBUTED_EXAMPLES");
  return std::string(folder ? folder : "") + "/distributed_" + name;
}
std::string missing_here() {
  if (find_program("redis-server").empty()) return "redis-server is not installed";
  if (!std::filesystem::exists(example("consumer"))) return "examples/distributed is not built";
  return "";
}

class server {
 public:
  std::string socket() const { return folder_ / "redis.sock"; }
  net::process start() const {
    return start_server({find_program("redis-server"), "--port", "0", "--unixsocket", socket(),
                         "--dir", folder_.path(), "--save", "", "--appendonly", "yes"},
                        folder_ / "log");
  }
  net::process consumer(const std::string& name, std::vector<std::string> more = {}) const {
    std::vector<std::string> command{example("consumer"), socket(), name};
    command.insert(command.end(), more.begin(), more.end());
    return start_server(std::move(command), folder_ / name);
  }
  net::process producer(int n) const {
    return start_server({example("producer"), socket(), std::to_string(n)}, folder_ / "producer");
  }
  // fn(connection) with the server as it is now.
  template <class Fn>
  task<> ask(Fn fn) const {
    co_await with_task_group([&](task_group& g) -> task<> {
      auto& r = g.make<redis>(socket());
      auto pump = g.spawn(r.run());
      co_await fn(r);
      pump.cancel();
    });
  }
  task<> begins() const {
    return until_it_works([this]() -> task<> {
      co_await ask([](redis& r) -> task<> { co_await r.command({"PING"}); });
    });
  }
  // Until at least so many different items are done or dead.
  task<> until_ended(long long least) const {
    long long n = 0;
    while (n < least && !testing::Test::HasFailure()) {
      co_await sleep_for(20ms);
      co_await ask([&](redis& r) -> task<> {
        n = (co_await r.command({"HLEN", "done"})).number +
            (co_await r.command({"XLEN", "work:dead"})).number;
      });
    }
  }

 private:
  temporary_folder folder_;
};

}  // namespace

TEST(DistributedWork, NoneIsLostWhenConsumersAndTheServerAreKilled) {
  if (const std::string why = missing_here(); !why.empty()) GTEST_SKIP() << why;
  const int items = long_run() ? 100'000 : 5'000;
  const server s;
  run_on(reactor_kind::automatic, [&]() -> task<> {
    net::process redis_process = s.start();
    co_await s.begins();
    std::vector<net::process> consumers;
    for (int i = 0; i < 4; ++i) consumers.push_back(s.consumer("c" + std::to_string(i)));
    net::process producer = s.producer(items);
    for (int i = 0; i < 2; ++i) {
      co_await s.until_ended(items * (i + 1) / 5);
      consumers[static_cast<std::size_t>(i)].kill(SIGKILL);
      (void)co_await consumers[static_cast<std::size_t>(i)].wait();
      consumers.push_back(s.consumer("new" + std::to_string(i)));
    }
    co_await s.until_ended(items / 2);
    redis_process.kill(SIGKILL);
    (void)co_await redis_process.wait();
    net::process again = s.start();
    co_await s.begins();
    EXPECT_EQ((co_await producer.wait()).to_string(), "exit code 0");

    long long pending = 1;
    std::set<std::string> ended;
    long long worked_on = 0;
    std::size_t done = 0;
    int hopeless = 0;
    while (pending > 0 && !testing::Test::HasFailure()) {
      co_await sleep_for(50ms);
      co_await s.ask([&](redis& r) -> task<> {
        const redis_reply groups = co_await r.command({"XINFO", "GROUPS", "work"});
        pending = 0;
        const auto& g = groups.list.at(0).list;
        for (std::size_t k = 0; k + 1 < g.size(); k += 2)
          if (g[k].text == "pending" || g[k].text == "lag") pending += g[k + 1].number;
      });
    }
    // Told to stop, a consumer ends its batch, and goes well.
    for (std::size_t i = 2; i < consumers.size(); ++i) {
      consumers[i].kill(SIGTERM);
      EXPECT_EQ((co_await consumers[i].wait()).to_string(), "exit code 0");
    }
    co_await s.ask([&](redis& r) -> task<> {
      const redis_reply counts = co_await r.command({"HGETALL", "done"});
      for (std::size_t k = 0; k + 1 < counts.list.size(); k += 2) {
        ended.insert(counts.list[k].text);
        worked_on += std::stoll(counts.list[k + 1].text);
      }
      done = ended.size();
      const redis_reply dead = co_await r.command({"XRANGE", "work:dead", "-", "+"});
      for (const redis_reply& e : dead.list) {
        const std::string& text = e.list.at(1).list.at(1).text;
        // Others are dead where consumers are so slow that they claim from one another.
        if (ended.insert(text).second && std::stoi(text) % 1000 == 13) ++hopeless;
      }
    });
    EXPECT_EQ(ended.size(), static_cast<std::size_t>(items));
    EXPECT_EQ(hopeless, items / 1000);  // dead, and never done
    std::printf("%d items, %zu dead letters, %lld doubles\n", items, ended.size() - done,
                worked_on - static_cast<long long>(done));
    co_await again.stop();
  });
}

// Each is given out three times, and tried once more in the same hand only while the budget lasts.
TEST(DistributedWork, WhereNothingSucceedsRetriesEnd) {
  if (const std::string why = missing_here(); !why.empty()) GTEST_SKIP() << why;
  const server s;
  constexpr int items = 40;
  run_on(reactor_kind::automatic, [&]() -> task<> {
    net::process redis_process = s.start();
    co_await s.begins();
    co_await s.ask([&](redis& r) -> task<> {
      for (int i = 0; i < items; ++i)
        co_await r.command({"XADD", "work", "*", "item", std::to_string(i * 1000 + 13)});
    });
    net::process consumer = s.consumer("c");
    co_await s.until_ended(items);
    consumer.kill(SIGTERM);
    EXPECT_EQ((co_await consumer.wait()).to_string(), "exit code 0");
    co_await s.ask([&](redis& r) -> task<> {
      EXPECT_EQ((co_await r.command({"XLEN", "work:dead"})).number, items);
      const int failed = std::stoi((co_await r.command({"GET", "failed"})).text);
      EXPECT_GT(failed, 3 * items);       // there were some retries
      EXPECT_LE(failed, 3 * items + 10);  // of at most ten tokens
    });
    co_await redis_process.stop();
  });
}

TEST(DistributedWork, ThreeProcessesTogetherKeepToOneRate) {
  if (const std::string why = missing_here(); !why.empty()) GTEST_SKIP() << why;
  const server s;
  constexpr int per_second = 500;
  constexpr int burst = 10;
  run_on(reactor_kind::automatic, [&]() -> task<> {
    net::process redis_process = s.start();
    co_await s.begins();
    std::vector<net::process> all;
    for (int i = 0; i < 3; ++i)
      all.push_back(s.consumer("l" + std::to_string(i), {"limit", std::to_string(per_second)}));
    long long went = 0;
    while (went < 1000 && !testing::Test::HasFailure())
      co_await s.ask([&](redis& r) -> task<> {
        co_await sleep_for(20ms);
        went = (co_await r.command({"LLEN", "limit:went"})).number;
      });
    for (net::process& p : all) {
      p.kill(SIGTERM);
      EXPECT_EQ((co_await p.wait()).to_string(), "exit code 0");
    }
    co_await s.ask([&](redis& r) -> task<> {
      const redis_reply times = co_await r.command({"LRANGE", "limit:went", "0", "-1"});
      std::vector<long long> us;
      for (const redis_reply& t : times.list) us.push_back(std::stoll(t.text));
      EXPECT_GE(us.size(), 1000U);
      // In any window, from the i-th to the k-th: what the rate gives, and the burst.
      for (std::size_t i = 0; i < us.size(); ++i)
        for (std::size_t k = i; k < us.size(); ++k)
          EXPECT_LE(static_cast<long long>(k - i + 1),
                    burst + (us[k] - us[i]) * per_second / 1'000'000);
    });
    co_await redis_process.stop();
  });
}

}  // namespace distributed_test
