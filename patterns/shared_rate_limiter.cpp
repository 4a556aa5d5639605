#include <rondo/patterns/shared_rate_limiter.hpp>

#include <algorithm>
#include <new>
#include <stdexcept>

namespace rondo {

using std::chrono::nanoseconds;

namespace {

// The wait of the last of n calls of one token; held at the end of the range.
nanoseconds wait_of_line(nanoseconds interval, std::size_t n) noexcept {
  return n > static_cast<std::uint64_t>(nanoseconds::max() / interval)
             ? nanoseconds::max()
             : interval * static_cast<std::int64_t>(n);
}

}  // namespace

shared_rate_limiter::shared_rate_limiter(const rate_limiter::options& o) noexcept
    : bucket_(o.interval_, o.burst_),
      burst_(o.burst_),
      longest_wait_(std::min(o.longest_wait_, wait_of_line(o.interval_, o.queue_))) {}

shared_rate_limiter::acquire_wait shared_rate_limiter::acquire(detail::amount32 n) {
  if (n > burst_)
    throw std::invalid_argument("shared_rate_limiter::acquire: more tokens than the bucket holds");
  return {*this, n};
}

// Only here does the integer go back, and always to the end of a reservation that stands. So what
// was given up behind others is in reach exactly when the integer has come back to its end.
void shared_rate_limiter::give_back(nanoseconds cost, time_point ready) noexcept {
  const std::lock_guard lock(mutex_);
  const time_point with = bucket_.full_at(ready);
  const time_point now = this_loop().now();
  // Tokens that have come by now are in the bucket whoever reserved them.
  std::erase_if(behind_others_, [now](const reservation& r) { return r.with <= now; });
  time_point before = with - cost;
  const auto reaches = [&](const reservation& r) { return r.with == before; };
  auto next = std::ranges::find_if(behind_others_, reaches);
  while (next != behind_others_.end()) {
    before = next->before;
    behind_others_.erase(next);
    next = std::ranges::find_if(behind_others_, reaches);
  }
  if (bucket_.go_back(with, before)) return;
  try {
    behind_others_.push_back({before, with});
  } catch (const std::bad_alloc&) {
    // Then it is spent.
  }
}

bool shared_rate_limiter::acquire_wait::begin(detail::job& j) noexcept {
  auto& bucket = limiter_->bucket_;
  const nanoseconds cost = bucket.cost(tokens_);
  const time_point now = this_loop().now();
  nanoseconds longest = j.must_stop() ? nanoseconds::zero() : limiter_->longest_wait_;
  if (until_ != detail::never)
    longest = std::min(longest, std::max(until_ - now - nanoseconds(1), nanoseconds::zero()));
  const nanoseconds wait = bucket.take(cost, now, longest);
  if (wait == nanoseconds::zero()) return true;
  if (j.stops_here()) return false;
  if (wait > longest) {
    refusal_ = rejection{rejection_reason::rate_limited, wait - longest};
    return true;
  }
  ready_ = detail::add(now, wait);
  detail::this_core().timers().arm(*this, ready_);
  job_ = &j;
  j.wait_on(*this);
  return false;
}

void shared_rate_limiter::acquire_wait::cancel(detail::job& j) noexcept {
  detail::this_core().timers().disarm(*this);
  limiter_->give_back(limiter_->bucket_.cost(tokens_), ready_);
  j.wake_stopped();
}

outcome<void> shared_rate_limiter::acquire_wait::take_outcome() {
  if (refusal_) return outcome<void>(detail::small_error_of(*refusal_));
  return outcome<void>(std::in_place);
}

}  // namespace rondo
