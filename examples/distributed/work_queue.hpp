// A line of work in Redis, for producers and consumers on any number of machines: a stream, read by
// a group of consumers.
//
//   at least once    an item is acknowledged after its work; until then it is pending
//   claim            what a consumer left pending for a while, because it died or its work failed,
//                    is given to another
//   dead letters     an item that was given out too often goes to a stream of its own
//
// So an item may be worked on twice: when a consumer dies between its work and the acknowledgement.
// The work must bear that, or look whether it is done (as this one does, which counts).
#pragma once

#include "../bridges/redis.hpp"

#include <rondo/patterns.hpp>
#include <rondo/runtime.hpp>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

class work_queue {
 public:
  struct item {
    std::string id;  // of the stream's entry
    std::string text;
  };
  // How long an item may be pending before it is claimed, and how often it is given out.
  struct limits {
    std::chrono::milliseconds claim_after{500};
    int deliveries = 3;
  };

  work_queue(redis& r, std::string name, limits l)
      : redis_(r), name_(std::move(name)), limits_(l) {}

  rondo::task<> put(std::string text) {
    co_await redis_.command({"XADD", name_, "*", "item", std::move(text)});
  }
  // Once, before items are taken.
  rondo::task<> begin() {
    try {
      co_await redis_.command({"XGROUP", "CREATE", name_, group, "0", "MKSTREAM"});
    } catch (const redis_error& e) {
      if (std::string(e.what()).find("BUSYGROUP") == std::string::npos) throw;  // it is there
    }
  }
  // Items for `consumer`: those that others left, else new ones; none after `wait`.
  rondo::task<std::vector<item>> take(std::string consumer, int most,
                                      std::chrono::milliseconds wait) {
    const std::string count = std::to_string(most);
    const redis_reply left =
        co_await redis_.command({"XAUTOCLAIM", name_, group, consumer,
                                 std::to_string(limits_.claim_after.count()), "0", "COUNT", count});
    std::vector<item> claimed = items_of(left.list.at(1));
    std::erase_if(claimed, [](const item& i) { return i.text.empty(); });
    if (!claimed.empty()) co_return co_await without_the_dead(std::move(claimed));
    const redis_reply fresh =
        co_await redis_.command({"XREADGROUP", "GROUP", group, consumer, "COUNT", count, "BLOCK",
                                 std::to_string(wait.count()), "STREAMS", name_, ">"});
    if (fresh.list.empty()) co_return {};
    co_return items_of(fresh.list[0].list.at(1));
  }
  rondo::task<> done(std::string id) {
    co_await redis_.command({"XACK", name_, group, std::move(id)});
  }

 private:
  static constexpr const char* group = "workers";

  static std::vector<item> items_of(const redis_reply& entries) {
    std::vector<item> all;
    for (const redis_reply& e : entries.list)
      if (e.list.size() == 2 && e.list[1].list.size() == 2)
        all.push_back({e.list[0].text, e.list[1].list[1].text});
    return all;
  }
  rondo::task<std::vector<item>> without_the_dead(std::vector<item> claimed) {
    // All at once: what takes long is claimed by the next.
    std::vector<rondo::task<redis_reply>> asked;
    for (const item& i : claimed)
      asked.push_back(redis_.command({"XPENDING", name_, group, i.id, i.id, "1"}));
    const auto answers = co_await rondo::gather(std::move(asked));
    std::vector<item> alive;
    for (std::size_t k = 0; k < claimed.size(); ++k) {
      item& i = claimed[k];
      const redis_reply& p = answers[k];
      if (p.list.empty()) continue;  // acknowledged meanwhile
      if (p.list[0].list.at(3).number <= limits_.deliveries) {
        alive.push_back(std::move(i));
        continue;
      }
      // Both or neither, so that it is in one of the two whatever happens.
      co_await redis_.command({"EVAL",
                               "redis.call('XADD', KEYS[2], '*', 'item', ARGV[3]) "
                               "return redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])",
                               "2", name_, name_ + ":dead", group, i.id, i.text});
    }
    co_return alive;
  }

  redis& redis_;
  std::string name_;
  limits limits_;
};

// The connection's task beside fn(redis&), which ends with an error when the connection is lost.
template <class Fn>
rondo::task<> with_redis(std::string path, Fn fn) {
  co_await rondo::with_task_group([&](rondo::task_group& g) -> rondo::task<> {
    auto& r = g.make<redis>(path);
    auto pump = g.spawn(r.run());
    co_await fn(r);
    pump.cancel();
  });
}

// The same, again and again while the server cannot be had, until fn has ended well. A breaker
// spares a server that is down, and whoever else asks it.
template <class Fn>
rondo::task<> with_redis_that_may_fail(std::string path, Fn fn) {
  using namespace std::chrono_literals;
  rondo::circuit_breaker breaker(
      rondo::circuit_breaker::options().consecutive_failures(5).open_for(200ms));
  while (true) {
    const rondo::outcome<void> o =
        co_await breaker.run([&]() -> rondo::task<> { co_await with_redis(path, fn); });
    if (o.has_value()) co_return;
    co_await rondo::sleep_for(20ms);
  }
}
