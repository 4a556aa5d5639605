// One rate for all processes: the generic cell rate algorithm as a script in Redis, whose clock
// counts. Source: ITU-T I.371, annex A; one number is the whole state, as in rate_limiter.
//
//   shared_limit limit(r, "mails", 100, 10);    // 100 a second, ten of them at once
//   co_await limit.admitted();
#pragma once

#include "../bridges/redis.hpp"

#include <rondo/runtime.hpp>

#include <chrono>
#include <string>
#include <utility>

class shared_limit {
 public:
  shared_limit(redis& r, std::string name, int per_second, int burst)
      : redis_(r),
        name_(std::move(name)),
        interval_us_(1'000'000 / per_second),
        tolerance_us_(interval_us_ * (burst - 1)) {}

  // Completes when the caller may go. When each went is kept in the list NAME:went.
  rondo::task<> admitted() {
    while (true) {
      const redis_reply wait_us =
          co_await redis_.command({"EVAL", script, "2", name_, name_ + ":went",
                                   std::to_string(interval_us_), std::to_string(tolerance_us_)});
      if (wait_us.number == 0) co_return;
      co_await rondo::sleep_for(std::chrono::microseconds(wait_us.number));
    }
  }

 private:
  static constexpr const char* script =
      "local t = redis.call('TIME') "
      "local now = t[1] * 1000000 + t[2] "
      "local due = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now) "
      "local wait = due - ARGV[2] - now "
      "if wait > 0 then return wait end "
      "redis.call('SET', KEYS[1], string.format('%.0f', due + ARGV[1])) "
      "redis.call('RPUSH', KEYS[2], string.format('%.0f', now)) "
      "return 0";

  redis& redis_;
  std::string name_;
  std::int64_t interval_us_;
  std::int64_t tolerance_us_;
};
