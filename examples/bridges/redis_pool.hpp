// Connections to Redis that are lent, to whoever needs one alone: for commands that wait (BLPOP),
// transactions (WATCH, MULTI, EXEC). Other commands share one connection, and need no pool.
//
//   rondo::pool<lent_redis> all([] { return lent_redis::connect("/run/redis/redis.sock"); },
//                               lent_redis::pooled().limit(8));
//   auto r = co_await all.acquire();
//   redis_reply item = co_await r->command({"BLPOP", "work", "0"});
//
// A command that is cancelled leaves its connection in the middle of an answer: the pool ends it.
#pragma once

#include "redis.hpp"

class lent_redis {
 public:
  static rondo::task<lent_redis> connect(std::string path) {
    lent_redis r(path);
    co_await r.command({"PING"});
    co_return r;
  }
  static rondo::pool_options<lent_redis> pooled() {
    return rondo::pool_options<lent_redis>()
        .usable([](lent_redis& r) { return r.to_->idle(); })
        .check([](lent_redis& r) -> rondo::task<bool> {
          co_return (co_await r.command({"PING"})).text == "PONG";
        });
  }

  // Throws redis_error. Moves the bytes itself: one at a time.
  rondo::task<redis_reply> command(std::vector<std::string> words) {
    redis_reply answer;
    co_await rondo::with_task_group([&](rondo::task_group& g) -> rondo::task<> {
      auto pump = g.spawn(to_->run());
      answer = co_await to_->command(std::move(words));
      pump.cancel();
    });
    co_return answer;
  }

 private:
  explicit lent_redis(const std::string& path) : to_(std::make_unique<redis>(path)) {}

  std::unique_ptr<redis> to_;
};
