#include <rondo/patterns/chaos.hpp>

#include <stdexcept>

namespace rondo {

double chaos::options::checked(double probability) {
  if (!(probability >= 0 && probability <= 1))
    throw std::invalid_argument("chaos: a probability must be from 0 to 1");
  return probability;
}

chaos::options& chaos::options::set_latency(double probability, nanoseconds least,
                                            nanoseconds most) {
  if (least < nanoseconds::zero() || most < least)
    throw std::invalid_argument(
        "chaos: the latency must not be negative, and the least not above the most");
  settings_.latency = checked(probability);
  settings_.least = least;
  settings_.most = most;
  return *this;
}

chaos::options& chaos::options::error(double probability, std::exception_ptr e) & {
  if (!e) throw std::invalid_argument("chaos: the error must be there");
  settings_.error = checked(probability);
  settings_.thrown = std::move(e);
  return *this;
}

chaos::options& chaos::options::error(double probability, std::error_code code) & {
  if (!code) throw std::invalid_argument("chaos: the error's code says success");
  return error(probability, std::make_exception_ptr(std::system_error(code, "chaos")));
}

chaos::chaos(options o) : settings_(std::move(o.settings_)), enabled_(settings_.enabled) {}

chaos::fate chaos::draw() {
  if (!random_) random_.emplace(settings_.seed ? *settings_.seed : detail::policy_seed());
  fate f;
  // Always as many numbers, so that another probability changes only what it is the probability of.
  const double late = random_->unit(), failing = random_->unit(), replaced = random_->unit();
  const nanoseconds delay(random_->between(settings_.least.count(), settings_.most.count()));
  if (late < settings_.latency) f.delay = delay;
  f.fails = failing < settings_.error;
  f.is_replaced = replaced < settings_.result;
  return f;
}

admission chaos::layer::tamper(call_context& c) {
  fate_ = chaos_.draw();
  if (fate_.delay == nanoseconds::zero()) return go_or_fail();
  ++chaos_.counts_.delayed;
  too_late_ = c.deadline() != detail::never && detail::add(c.now(), fate_.delay) >= c.deadline();
  if (too_late_)
    sleep_.emplace(c.deadline());
  else
    sleep_.emplace(fate_.delay);
  return admission::wait(*sleep_);
}

admission chaos::layer::resume(call_context&) noexcept {
  return too_late_ ? admission::expire() : go_or_fail();
}

admission chaos::layer::go_or_fail() noexcept {
  if (!fate_.fails) return admission::go();
  ++chaos_.counts_.failed;
  return admission::answer();
}

}  // namespace rondo
