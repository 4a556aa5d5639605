#include <rondo/patterns/retry.hpp>

#include <algorithm>
#include <stdexcept>

namespace rondo {
namespace detail {
namespace {

bool passes_by_itself(rejection_reason r) noexcept {
  switch (r) {
    case rejection_reason::bulkhead_full:
    case rejection_reason::queue_timeout:
    case rejection_reason::rate_limited:
    case rejection_reason::limit_exceeded: return true;
    case rejection_reason::circuit_open:
    case rejection_reason::isolated:
    case rejection_reason::probe_busy:
    case rejection_reason::budget_exhausted: break;
  }
  return false;
}

}  // namespace

void retry_hook::call(std::uint64_t attempt, nanoseconds delay,
                      const call_result& r) const noexcept {
  if (!fn_) return;
  try {
    fn_->call(attempt, delay, r);
  } catch (...) {
    report_exception();
  }
}

std::optional<nanoseconds> retry_call::delay_after(const call_result& r, time_point now) {
  if (++attempts_ >= settings_.max_attempts) return std::nullopt;
  if (r.has_value() && !settings_.judge) return std::nullopt;

  rejection why{};
  const ending end = ending_of(r, why);
  if (end == ending::cancelled) return std::nullopt;
  const bool worth_it =
      end == ending::error || (end == ending::rejected && passes_by_itself(why.reason));
  const verdict v = settings_.judge.ask(r).value_or(worth_it ? verdict::failure : verdict::neutral);
  if (v != verdict::failure) return std::nullopt;

  const nanoseconds delay = std::max(settings_.delays.next(), why.retry_after);
  if (add(now, delay) >= deadline_ && deadline_ != never) return std::nullopt;
  settings_.on_retry.call(attempts_, delay, r);
  return delay;
}

}  // namespace detail

retry& retry::max_attempts(std::uint64_t n) & {
  if (n == 0) throw std::invalid_argument("retry: at least one attempt");
  settings_.max_attempts = n;
  return *this;
}

retry& retry::backoff(class backoff b) & noexcept {
  settings_.delays = b;
  return *this;
}

}  // namespace rondo
