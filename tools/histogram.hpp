// A histogram of whole numbers, log-linear: every power of two is cut into 128 equal parts, so that
// what is read from it is at most 1/128 above what was put in, from nanoseconds to centuries, in 58
// KiB.
//
//   histogram h;  h.record(1'250'000);  h.percentile(99.9);
//
// After HdrHistogram (Gil Tene), whose buckets these are.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace rondo::tools {

class histogram {
 public:
  void record(std::uint64_t value) noexcept {
    ++counts_[slot_of(value)];
    ++total_;
    sum_ += static_cast<double>(value);
    least_ = std::min(least_, value);
    most_ = std::max(most_, value);
  }
  void merge(const histogram& other) noexcept {
    for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    total_ += other.total_;
    sum_ += other.sum_;
    least_ = std::min(least_, other.least_);
    most_ = std::max(most_, other.most_);
  }

  std::uint64_t count() const noexcept { return total_; }
  // Of what was recorded, exact; 0 when nothing was.
  std::uint64_t min() const noexcept { return total_ == 0 ? 0 : least_; }
  std::uint64_t max() const noexcept { return most_; }
  double mean() const noexcept { return total_ == 0 ? 0 : sum_ / static_cast<double>(total_); }

  // The least value that `percent` of what was recorded does not exceed: at most 1/128 above the
  // true one, and never above max(). 0 when nothing was recorded.
  std::uint64_t percentile(double percent) const noexcept {
    const double wanted = std::ceil(percent / 100 * static_cast<double>(total_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen > 0 && static_cast<double>(seen) >= wanted) return std::min(last_of(i), most_);
    }
    return most_;
  }

  // Calls fn(last value of the slot, count) for each slot that has any, from the least.
  template <class Fn>
  void for_each(Fn fn) const {
    for (std::size_t i = 0; i < counts_.size(); ++i)
      if (counts_[i] > 0) fn(last_of(i), counts_[i]);
  }

 private:
  // Values below 256 have a slot each; above, a slot is 2^shift wide and `value >> shift` is in
  // [128, 256).
  static constexpr unsigned part_bits = 7;
  static constexpr std::size_t parts = std::size_t{1} << part_bits;
  static constexpr std::size_t slots = (64 - part_bits + 1) * parts;

  static std::size_t slot_of(std::uint64_t value) noexcept {
    if (value < 2 * parts) return value;
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - (part_bits + 1);
    return shift * parts + static_cast<std::size_t>(value >> shift);
  }
  static std::uint64_t last_of(std::size_t slot) noexcept {
    if (slot < 2 * parts) return slot;
    const auto shift = static_cast<unsigned>(slot / parts - 1);
    const std::uint64_t part = slot - shift * parts;
    return ((part + 1) << shift) - 1;  // the last slot of all ends at 2^64 - 1
  }

  std::array<std::uint64_t, slots> counts_{};
  std::uint64_t total_ = 0;
  double sum_ = 0;
  std::uint64_t least_ = UINT64_MAX;
  std::uint64_t most_ = 0;
};

}  // namespace rondo::tools
