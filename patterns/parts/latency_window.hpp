// The latencies of the latest calls, in order: for quantiles that are exact, not estimated.
#pragma once

#include <rondo/runtime/core/clock.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace rondo::detail {

// Each latency is kept twice, by age and by size; one more costs a search and two short moves of
// memory.
class latency_window {
 public:
  static constexpr std::size_t capacity = 128;

  std::size_t size() const noexcept { return size_; }
  // Pushes out the oldest when it is full.
  void add(nanoseconds latency) noexcept {
    if (size_ == capacity) {
      nanoseconds* const old = std::lower_bound(by_size_.begin(), end(), by_age_[oldest_]);
      std::move(old + 1, end(), old);
      --size_;
    }
    nanoseconds* const place = std::upper_bound(by_size_.begin(), end(), latency);
    std::move_backward(place, end(), end() + 1);
    *place = latency;
    ++size_;
    by_age_[oldest_] = latency;
    oldest_ = (oldest_ + 1) % capacity;
  }
  // The least latency that a share of at least `q` (0 < q <= 1) does not exceed. There must be one.
  nanoseconds quantile(double q) const noexcept {
    const double rank = std::ceil(q * static_cast<double>(size_));
    return by_size_[std::min(static_cast<std::size_t>(std::max(rank, 1.0)), size_) - 1];
  }

 private:
  nanoseconds* end() noexcept { return by_size_.begin() + size_; }

  std::array<nanoseconds, capacity> by_size_{};
  std::array<nanoseconds, capacity> by_age_{};
  std::size_t size_ = 0;
  std::size_t oldest_ = 0;  // where the next one goes
};

}  // namespace rondo::detail
