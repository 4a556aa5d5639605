#include <rondo/patterns/throttle.hpp>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace rondo {

throttle::options& throttle::options::multiplier(double k) & {
  if (!(k >= 1 && std::isfinite(k)))
    throw std::invalid_argument(
        "throttle: the multiplier must be finite and at least 1; less would refuse accepted calls");
  multiplier_ = k;
  return *this;
}

throttle::options& throttle::options::set_window(std::chrono::nanoseconds d) {
  if (d < std::chrono::nanoseconds(10))
    throw std::invalid_argument("throttle: the window must be at least 10 ns");
  window_ = d;
  return *this;
}

throttle::throttle() : throttle(options()) {}

throttle::throttle(options o)
    : multiplier_(o.multiplier_),
      slice_length_(o.window_ / static_cast<std::int64_t>(slices)),
      seed_(o.seed_),
      classifier_(std::move(o.classifier_)) {}

verdict throttle::judge_rarely(const detail::call_result& r) const {
  return detail::judge(r, classifier_).says;
}

// Slices begin at whole multiples of their length. What lies between the last and this one is
// empty.
void throttle::turn(time_point now) noexcept {
  const std::int64_t length = slice_length_.count();
  const std::int64_t number = now.time_since_epoch().count() / length;
  const std::int64_t passed = slice_end_ == time_point::min()
                                  ? static_cast<std::int64_t>(slices)
                                  : number + 1 - slice_end_.time_since_epoch().count() / length;
  for (std::int64_t i = std::min(passed, static_cast<std::int64_t>(slices)); i > 0; --i) {
    current_ = (current_ + 1) % slices;
    slice& oldest = ring_[current_];
    sum_.requests -= oldest.requests;
    sum_.accepts -= oldest.accepts;
    oldest = {};
  }
  slice_end_ = detail::add(time_point(std::chrono::nanoseconds(number * length)), slice_length_);
}

double throttle::probability() const noexcept {
  const auto requests = static_cast<double>(sum_.requests);
  return std::max(0.0,
                  (requests - multiplier_ * static_cast<double>(sum_.accepts)) / (requests + 1));
}

double throttle::rejection_probability(time_point now) noexcept {
  advance(now);
  return probability();
}

bool throttle::refuse(time_point now) noexcept {
  if (!random_) random_.emplace(seed_ ? *seed_ : detail::policy_seed());
  if (!random_->chance(probability())) return false;
  ++refused_;
  settle(verdict::failure, now);  // a request that was not accepted
  return true;
}

}  // namespace rondo
