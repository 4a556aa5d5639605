#include <rondo/patterns/parts/circuit_breaker_options.hpp>

#include <stdexcept>
#include <string>

namespace rondo {
namespace {

[[noreturn]] void refuse_option(const std::string& what) {
  throw std::invalid_argument("circuit_breaker: " + what);
}

void check_share(const char* option, double share) {
  if (share > 0 && share <= 1) return;  // false for what is not a number
  throw std::invalid_argument(std::string("circuit_breaker: ") + option +
                              " must be a share above 0 and at most 1, not " +
                              std::to_string(share));
}

}  // namespace

using options = circuit_breaker_options;

options& options::consecutive_failures(detail::amount32 n) & {
  if (n == 0) refuse_option("consecutive_failures(0): at least one failure must open it");
  settings_.consecutive_failures = n;
  return *this;
}

options& options::failure_rate(double share) & {
  check_share("failure_rate", share);
  settings_.failure_rate = share;
  return *this;
}

options& options::set_slow(detail::nanoseconds d, double share) {
  if (d <= detail::nanoseconds::zero())
    refuse_option("slow_calls: the time is zero or negative, so every call would be slow");
  check_share("the rate of slow_calls", share);
  settings_.slow_after = d;
  settings_.slow_rate = share;
  return *this;
}

options& options::count_window(std::uint32_t calls, std::uint32_t at_least) & {
  if (calls == 0) refuse_option("count_window: a window of 0 calls has no rates");
  if (at_least > calls)
    refuse_option("count_window wants at least " + std::to_string(at_least) + " calls of the " +
                  std::to_string(calls) + " it holds, so it could never open");
  settings_.window_calls = calls;
  settings_.at_least = at_least;
  return *this;
}

options& options::set_time_window(detail::nanoseconds d, std::uint32_t at_least) {
  if (d.count() < static_cast<std::int64_t>(detail::call_window::parts))
    refuse_option(
        "time_window: it is shorter than 10 ns, and cannot be divided into its ten parts");
  settings_.window_time = d;
  settings_.at_least = at_least;
  return *this;
}

options& options::probes(detail::amount32 n) & {
  if (n == 0) refuse_option("probes(0): without a probe it would never close");
  settings_.probes = n;
  return *this;
}

options& options::set_probe_lease(detail::nanoseconds d) {
  if (d <= detail::nanoseconds::zero())
    refuse_option(
        "probe_lease: the time is zero or negative, so every caller could take a probe's place");
  settings_.probe_lease = d;
  return *this;
}

namespace detail {

void circuit_settings::complete() {
  const bool rates = failure_rate != no_rate || slow_rate != no_rate;
  const bool window = window_calls > 0 || window_time > nanoseconds::zero();
  if (window_calls > 0 && window_time > nanoseconds::zero())
    refuse_option("count_window and time_window exclude each other: choose one");
  if (window && !rates)
    refuse_option("a window without failure_rate or slow_calls would never open it");
  if (rates && !window) window_calls = 100;
  if (!consecutive_failures) consecutive_failures = rates ? 0 : 5;
}

call_window circuit_settings::window() const {
  if (window_calls > 0) return call_window::of_calls(window_calls);
  if (window_time > nanoseconds::zero()) return call_window::of_time(window_time);
  return {};
}

}  // namespace detail
}  // namespace rondo
