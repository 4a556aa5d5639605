#include <rondo/patterns/retry.hpp>

#include <algorithm>
#include <stdexcept>

namespace rondo {
namespace detail {

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
  using std::chrono::nanoseconds;
  const bool last = attempts_ >= settings_.max_attempts;
  if (last && !settings_.budget) return decision::pass();

  const detail::judgement j = detail::judge(r, settings_.judge, detail::passes_by_itself);
  if (settings_.budget) {
    if (j.says == verdict::success) settings_.budget->succeeded();
    // What a policy refused has cost the callee nothing.
    if (j.says == verdict::failure && j.how != detail::ending::rejected) settings_.budget->failed();
  }
  if (last || j.says != verdict::failure) return decision::pass();

  if (!delays_) delays_.emplace(settings_.delays.branch());
  retry_step step{attempts_, delays_->next(), c.now() - begun_};
  nanoseconds asked = j.why.retry_after;
  if (const detail::delay_hook::answer a = settings_.retry_after.ask(step, r))
    asked = a->value_or(asked);
  if (asked > settings_.max_retry_after) return decision::pass();
  step.delay = std::max(step.delay, asked);
  if (const detail::delay_hook::answer a = settings_.decide.ask(step, r)) {
    if (!a->has_value()) return decision::pass();
    step.delay = std::max(**a, nanoseconds::zero());
  }
  if (comes_too_late(step.delay, c)) return decision::pass();
  if (settings_.budget) {
    if (!settings_.budget->allows_another(c.now())) return decision::pass();
    booked_ = c.now();
  }
  settings_.on_retry.call(attempts_, step.delay, r);
  return decision::again(step.delay);
}

bool retry::layer::comes_too_late(std::chrono::nanoseconds delay, const call_context& c) const {
  const detail::time_point deadline =
      std::min(detail::add(begun_, settings_.total), c.nearest_deadline());
  return deadline != detail::never && detail::add(c.now(), delay) >= deadline;
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

retry& retry::max_attempts(detail::amount n) & {
  if (n == 0) throw std::invalid_argument("retry: at least one attempt");
  settings_.max_attempts = n;
  return *this;
}

retry& retry::share(std::shared_ptr<detail::attempt_budget> b) {
  if (!b) throw std::invalid_argument("retry: the budget must be there");
  settings_.budget = std::move(b);
  return *this;
}

retry& retry::backoff(class backoff b) & noexcept {
  settings_.delays = b;
  return *this;
}

}  // namespace rondo
