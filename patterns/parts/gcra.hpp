// A token bucket by virtual scheduling: the generic cell rate algorithm (GCRA), one integer of
// state.
//
//   gcra<plain_word> bucket(10ms, 20);                      // a token every 10 ms, at most 20 kept
//   nanoseconds wait = bucket.take(bucket.cost(1), now);    // zero: taken
//
// Instead of counting tokens and refilling them by a timer, it keeps the time at which the bucket
// will be full again. Taking tokens moves that time into the future by their cost; they are there
// when it does not lie further ahead than a whole bucket. Source: ITU-T I.371 (2004), annex A.
#pragma once

#include <rondo/patterns/parts/word.hpp>
#include <rondo/runtime/core/clock.hpp>

#include <algorithm>
#include <cstdint>

namespace rondo::detail {

template <class Word>
class gcra {
 public:
  // Full at first. interval · burst must be in range (see rate_limiter::options).
  gcra(nanoseconds interval, std::uint32_t burst) noexcept
      : interval_(interval), depth_(interval * burst) {}

  // The time that n tokens take to come; n at most the burst.
  nanoseconds cost(std::uint32_t n) const noexcept { return interval_ * n; }

  // Takes tokens of this cost, if that needs no longer wait than `longest`. Returns how long they
  // are still to come, exactly; zero when they are there.
  nanoseconds take(nanoseconds cost, time_point now,
                   nanoseconds longest = nanoseconds::zero()) noexcept {
    nanoseconds wait{};
    full_at_.change([&](std::int64_t& full_at) {
      const time_point next = after(full_at, cost, now);
      wait = next - now - depth_;
      if (wait > longest) return false;
      full_at = next.time_since_epoch().count();
      return true;
    });
    return std::max(wait, nanoseconds::zero());
  }
  // The same without taking; `ahead` is the cost of what will be taken before.
  nanoseconds wait_for(nanoseconds cost, time_point now,
                       nanoseconds ahead = nanoseconds::zero()) const noexcept {
    const time_point next = add(after(full_at_.load(), cost, now), ahead);
    return std::max(next - now - depth_, nanoseconds::zero());
  }
  // When the bucket is full again after a reservation that is ready at `ready`, if none follows.
  time_point full_at(time_point ready) const noexcept { return add(ready, depth_); }
  // Takes reservations back: `with` and `before` are when the bucket is full again with them and
  // without. Possible as long as none follows.
  bool go_back(time_point with, time_point before) noexcept {
    return full_at_.change([&](std::int64_t& full_at) {
      if (full_at != with.time_since_epoch().count()) return false;
      full_at = before.time_since_epoch().count();
      return true;
    });
  }
  // Whole tokens in the bucket.
  std::uint32_t tokens(time_point now) const noexcept {
    const nanoseconds missing = time_point(nanoseconds(full_at_.load())) > now
                                    ? time_point(nanoseconds(full_at_.load())) - now
                                    : nanoseconds::zero();
    return missing >= depth_ ? 0 : static_cast<std::uint32_t>((depth_ - missing) / interval_);
  }

 private:
  static time_point after(std::int64_t full_at, nanoseconds cost, time_point now) noexcept {
    return add(std::max(time_point(nanoseconds(full_at)), now), cost);
  }

  Word full_at_{INT64_MIN};
  nanoseconds interval_;
  nanoseconds depth_;
};

}  // namespace rondo::detail
