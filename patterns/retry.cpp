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

}  // namespace detail

decision retry::layer::after_failure(call_context& c, const detail::call_result& r) {
  if (++attempts_ >= settings_.max_attempts) return decision::pass();

  rejection why{};
  const detail::ending end = detail::ending_of(r, why);
  if (end == detail::ending::cancelled) return decision::pass();
  const bool worth_it = end == detail::ending::error ||
                        (end == detail::ending::rejected && detail::passes_by_itself(why.reason));
  const verdict v = settings_.judge.ask(r).value_or(worth_it ? verdict::failure : verdict::neutral);
  if (v != verdict::failure) return decision::pass();

  if (!delays_) delays_.emplace(settings_.delays.branch());
  const std::chrono::nanoseconds delay = std::max(delays_->next(), why.retry_after);
  const detail::time_point deadline = std::min(deadline_, c.nearest_deadline());
  if (deadline != detail::never && detail::add(c.now(), delay) >= deadline) return decision::pass();
  settings_.on_retry.call(attempts_, delay, r);
  return decision::again(delay);
}

retry::retry(const retry& other) : settings_(other.settings_) {
  settings_.delays = other.settings_.delays.branch();
}
retry& retry::operator=(const retry& other) {
  if (this != &other) {
    settings_ = other.settings_;
    settings_.delays = other.settings_.delays.branch();
  }
  return *this;
}

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
