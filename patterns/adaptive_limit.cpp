#include <rondo/patterns/adaptive_limit.hpp>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace rondo {

adaptive_limit::options& adaptive_limit::options::limits(detail::amount32 initial,
                                                         detail::amount32 least,
                                                         detail::amount32 most) & {
  if (least == 0) throw std::invalid_argument("adaptive_limit: a limit of 0 would admit no call");
  if (initial < least || most < initial)
    throw std::invalid_argument(
        "adaptive_limit: the first limit must lie between the least and the most");
  settings_.initial = initial;
  settings_.least = least;
  settings_.most = most;
  return *this;
}

adaptive_limit::options& adaptive_limit::options::set_timeout(std::chrono::nanoseconds d) {
  if (d <= std::chrono::nanoseconds::zero())
    throw std::invalid_argument("adaptive_limit: the timeout must be positive");
  settings_.timeout = d;
  return *this;
}

adaptive_limit::options& adaptive_limit::options::decrease(double ratio) & {
  if (!(ratio > 0 && ratio < 1))
    throw std::invalid_argument(
        "adaptive_limit: what is left after a failure must lie between 0 and 1, both excluded");
  settings_.decrease = ratio;
  return *this;
}

adaptive_limit::options& adaptive_limit::options::tolerance(double ratio) & {
  if (!(ratio >= 1 && std::isfinite(ratio)))
    throw std::invalid_argument("adaptive_limit: the tolerance must be finite and at least 1");
  settings_.tolerance = ratio;
  return *this;
}

adaptive_limit::adaptive_limit(options o)
    : settings_(std::move(o.settings_)), limit_(settings_.initial) {}

adaptive_limit::~adaptive_limit() {
  if (in_use_ > 0) detail::fatal("an adaptive_limit was destroyed while a permit of it was out");
}

verdict adaptive_limit::judge_rarely(const detail::call_result& r) const {
  return detail::judge(r, settings_.classifier).says;
}

void adaptive_limit::sample(double latency_ns, std::uint32_t in_flight, bool failed) noexcept {
  latency_ns = std::max(latency_ns, 1.0);
  double next = limit_;
  switch (settings_.kind) {
    case algorithm::aimd: next = next_aimd(latency_ns, in_flight, failed); break;
    case algorithm::vegas: next = next_vegas(latency_ns, in_flight, failed); break;
    case algorithm::gradient2: next = next_gradient2(latency_ns, in_flight); break;
  }
  limit_ = std::clamp(next, double{1} * settings_.least, double{1} * settings_.most);
}

double adaptive_limit::next_aimd(double latency_ns, std::uint32_t in_flight, bool failed) noexcept {
  if (failed || latency_ns > static_cast<double>(settings_.timeout.count()))
    return std::floor(limit_ * settings_.decrease);
  // A limit that is not used says nothing about a higher one.
  return in_flight * 2.0 >= limit_ ? limit_ + 1 : limit_;
}

double adaptive_limit::next_vegas(double latency_ns, std::uint32_t in_flight,
                                  bool failed) noexcept {
  // The least latency would be the least for ever: so the next call's counts as such now and then.
  constexpr double calls_between_probes = 30;
  if (!random_) random_.emplace(settings_.seed ? *settings_.seed : detail::policy_seed());
  ++since_probe_;
  if (probe_jitter_ * calls_between_probes * limit_ <= static_cast<double>(since_probe_)) {
    probe_jitter_ = 0.5 + 0.5 * random_->unit();
    since_probe_ = 0;
    least_latency_ = latency_ns;
    return limit_;
  }
  if (least_latency_ == 0 || latency_ns < least_latency_) {
    least_latency_ = latency_ns;
    return limit_;
  }
  const double step = std::max(1.0, std::floor(std::log10(std::floor(limit_))));
  if (failed) return limit_ - step;
  if (in_flight * 2.0 < limit_) return limit_;
  const double queue = std::ceil(limit_ * (1 - least_latency_ / latency_ns));
  const double alpha = 3 * step, beta = 6 * step;
  if (queue <= step) return limit_ + beta;  // hardly any: go up fast
  if (queue < alpha) return limit_ + step;
  if (queue > beta) return limit_ - step;
  return limit_;
}

double adaptive_limit::next_gradient2(double latency_ns, std::uint32_t in_flight) noexcept {
  constexpr std::uint32_t warm_up = 10;
  constexpr double window = 600;  // calls
  if (averaged_ < warm_up) {
    average_ = (average_ * averaged_ + latency_ns) / (averaged_ + 1);
    ++averaged_;
  } else {
    average_ += (latency_ns - average_) * (2 / (window + 1));
  }
  const double average = average_;
  if (average / latency_ns > 2) average_ *= 0.95;  // after a long overload it must come down soon
  if (in_flight < limit_ / 2) return limit_;
  const double gradient = std::clamp(settings_.tolerance * average / latency_ns, 0.5, 1.0);
  const double next = limit_ * gradient + settings_.queue;
  return limit_ * (1 - settings_.smoothing) + next * settings_.smoothing;
}

}  // namespace rondo
