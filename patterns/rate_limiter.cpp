#include <rondo/patterns/rate_limiter.hpp>

#include <algorithm>
#include <stdexcept>

namespace rondo {

using std::chrono::nanoseconds;

nanoseconds rate_limiter::options::interval_of(std::uint32_t n, nanoseconds per) {
  if (n == 0) throw std::invalid_argument("rate_limiter: a rate of 0 calls would admit none");
  if (per <= nanoseconds::zero())
    throw std::invalid_argument("rate_limiter: the time for the calls must be positive");
  if (per.count() < n)
    throw std::invalid_argument("rate_limiter: at most one call in a nanosecond can be counted");
  return nanoseconds(per.count() / n + (per.count() % n != 0 ? 1 : 0));
}

std::uint32_t rate_limiter::options::checked_burst(std::uint32_t n, nanoseconds interval) {
  if (n == 0) throw std::invalid_argument("rate_limiter: a burst of 0 calls would admit none");
  if (interval > nanoseconds::max() / 4 / n)
    throw std::invalid_argument(
        "rate_limiter: the bucket (burst times interval) would take longer than 73 years to fill");
  return n;
}

nanoseconds rate_limiter::options::checked_wait(nanoseconds d) {
  if (d < nanoseconds::zero())
    throw std::invalid_argument("rate_limiter: the longest wait must not be negative");
  return d;
}

rate_limiter::rate_limiter(const options& o) noexcept
    : bucket_(o.interval_, o.burst_),
      burst_(o.burst_),
      queue_(o.queue_),
      longest_wait_(o.longest_wait_) {}

rate_limiter::~rate_limiter() {
  if (!line_.empty())
    detail::fatal("a rate_limiter was destroyed while a call waited for its turn");
}

rate_limiter::acquire_wait rate_limiter::acquire(detail::amount32 n) {
  if (n > burst_)
    throw std::invalid_argument("rate_limiter::acquire: more tokens than the bucket holds");
  return {*this, n};
}

std::optional<rejection> rate_limiter::try_behind_line(time_point now, std::uint32_t n) noexcept {
  if (n > burst_) return rejection{rejection_reason::rate_limited, nanoseconds::max()};
  serve(now);
  const nanoseconds cost = bucket_.cost(n);
  const nanoseconds wait =
      line_.empty() ? bucket_.take(cost, now) : bucket_.wait_for(cost, now, queued_);
  if (wait == nanoseconds::zero()) return std::nullopt;
  return rejection{rejection_reason::rate_limited, wait};
}

// --- the line ------------------------------------------------------------------------------------

std::optional<rejection> rate_limiter::refuse(nanoseconds cost, time_point now,
                                              time_point until) noexcept {
  const nanoseconds wait = bucket_.wait_for(cost, now, queued_);
  nanoseconds refused_for{};
  const bool line_is_full = waiting_ >= queue_ || queued_ > nanoseconds::max() / 2 - cost;
  if (line_is_full)
    refused_for = line_.empty() ? wait : bucket_.wait_for(bucket_.cost(line_.front().tokens_), now);
  if (until != detail::never && detail::add(now, wait) >= until) refused_for = wait;
  if (wait > longest_wait_) refused_for = std::max(refused_for, wait - longest_wait_);
  if (refused_for == nanoseconds::zero()) return std::nullopt;
  return rejection{rejection_reason::rate_limited, refused_for};
}

void rate_limiter::join(acquire_wait& w) noexcept {
  if (line_.empty()) {
    const time_point now = this_loop().now();
    detail::this_core().timers().arm(
        timer_, detail::add(now, bucket_.wait_for(bucket_.cost(w.tokens_), now)));
  }
  line_.push_back(w);
  ++waiting_;
  queued_ += bucket_.cost(w.tokens_);
}

void rate_limiter::leave(acquire_wait& w) noexcept {
  const bool was_first = &w == &line_.front();
  line_.remove(w);
  --waiting_;
  queued_ -= bucket_.cost(w.tokens_);
  if (!was_first) return;
  detail::this_core().timers().disarm(timer_);
  serve(this_loop().now());
}

// Gives the tokens that are there to those who have waited longest. The timer is armed for the
// line's head, and only while there is a line.
void rate_limiter::serve(time_point now) noexcept {
  while (!line_.empty()) {
    acquire_wait& first = line_.front();
    const nanoseconds cost = bucket_.cost(first.tokens_);
    const nanoseconds wait = bucket_.take(cost, now);
    if (wait > nanoseconds::zero()) {
      if (!timer_.armed()) detail::this_core().timers().arm(timer_, detail::add(now, wait));
      return;
    }
    detail::this_core().timers().disarm(timer_);
    line_.remove(first);
    --waiting_;
    queued_ -= cost;
    first.job_->wake();
  }
}

void rate_limiter::line_timer::fired(detail::timer& t) noexcept {
  static_cast<line_timer&>(t).limiter->serve(this_loop().now());
}

bool rate_limiter::acquire_wait::begin(detail::job& j) noexcept {
  const time_point now = this_loop().now();
  if (!limiter_->try_acquire(now, tokens_)) return true;
  if (j.stops_here()) return false;
  refusal_ = limiter_->refuse(limiter_->bucket_.cost(tokens_), now, until_);
  if (refusal_) return true;
  limiter_->join(*this);
  job_ = &j;
  j.wait_on(*this);
  return false;
}

outcome<void> rate_limiter::acquire_wait::take_outcome() {
  if (refusal_) return outcome<void>(detail::small_error_of(*refusal_));
  return outcome<void>(std::in_place);
}

// --- in a stack ----------------------------------------------------------------------------------

admission rate_limiter::layer::enter_line(call_context& c) noexcept {
  if (const auto refusal = limiter_.refuse(limiter_.bucket_.cost(1), c.now(), c.deadline()))
    return *refusal;
  wait_.emplace(limiter_, 1, c.deadline());
  return admission::wait(*wait_);
}

}  // namespace rondo
