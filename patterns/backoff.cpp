#include <rondo/patterns/backoff.hpp>
#include <rondo/patterns/parts/ambient.hpp>
#include <rondo/runtime/loop.hpp>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace rondo {

double backoff::checked(double factor) {
  if (!(factor >= 1) || !std::isfinite(factor))
    throw std::invalid_argument("backoff: the factor must be finite and at least 1");
  return factor;
}

std::chrono::nanoseconds backoff::nominal(std::uint64_t n) const noexcept {
  using real = std::chrono::duration<long double, std::nano>;
  if (first_ == nanoseconds::zero() || n == 0) return nanoseconds::zero();
  switch (shape_) {
    case shape::constant: return std::min(first_, cap_);
    case shape::linear:
      return std::min(detail::saturate(real(first_) * static_cast<long double>(n)), cap_);
    case shape::exponential: break;
  }
  const auto steps = static_cast<long double>(n - 1);
  return std::min(
      detail::saturate(real(first_) * std::pow(static_cast<long double>(factor_), steps)), cap_);
}

std::chrono::nanoseconds backoff::next() noexcept {
  ++failures_;
  if (jitter_ == jitter::none) return nominal(failures_);
  const auto between = [this](nanoseconds low, nanoseconds high) {
    return nanoseconds(random().between(low.count(), high.count()));
  };
  if (jitter_ == jitter::decorrelated) {
    const nanoseconds low = std::min(first_, cap_);
    const nanoseconds before = std::max(previous_, low);
    previous_ = between(low, before > cap_ / 3 ? cap_ : before * 3);
    return previous_;
  }
  const nanoseconds d = nominal(failures_);
  return jitter_ == jitter::full ? between(nanoseconds::zero(), d)
                                 : d / 2 + between(nanoseconds::zero(), d - d / 2);
}

backoff backoff::branch() noexcept {
  backoff b = *this;
  b.reset();
  if (jitter_ == jitter::none) return b;
  // Without a loop the copy waits until its first delay: it may be meant for a simulation.
  if (random_ || seed_ || detail::this_thread.running_loop) b.seed(random().next());
  return b;
}

detail::random_source& backoff::random() noexcept {
  if (!random_) random_.emplace(seed_ ? *seed_ : detail::policy_seed());
  return *random_;
}

}  // namespace rondo
