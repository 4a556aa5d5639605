// The calls a circuit breaker looks back on: the last n of them, or those of the last seconds.
#pragma once

#include <rondo/runtime/core/clock.hpp>

#include <array>
#include <cstdint>
#include <vector>

namespace rondo::detail {

// How many calls there were, and what was wrong with them.
struct call_tally {
  std::uint32_t calls = 0;
  std::uint32_t failures = 0;
  std::uint32_t slow = 0;

  call_tally& operator+=(call_tally o) noexcept {
    calls += o.calls;
    failures += o.failures;
    slow += o.slow;
    return *this;
  }
  call_tally& operator-=(call_tally o) noexcept {
    calls -= o.calls;
    failures -= o.failures;
    slow -= o.slow;
    return *this;
  }
};

// Recording and looking cost the same however many calls there are.
class call_window {
 public:
  // A window of time has so many parts. A call leaves it with its part: when at least nine tenths
  // of the time have passed, and at most the whole.
  static constexpr std::size_t parts = 10;

  // Keeps nothing.
  call_window() = default;
  static call_window of_calls(std::uint32_t n);
  static call_window of_time(nanoseconds d) noexcept;

  bool keeps() const noexcept { return !last_.empty() || part_ > nanoseconds::zero(); }
  void record(bool failed, bool slow, time_point now) noexcept;
  // As of the last call recorded.
  const call_tally& sums() const noexcept { return sums_; }
  // Empty; the first part begins with the first call that is recorded.
  void clear() noexcept;

 private:
  static constexpr time_point unknown = time_point::min();
  void move_on(time_point now) noexcept;

  call_tally sums_;
  // The last calls, each as bits; `next_` is the oldest once all places are taken.
  std::vector<std::uint8_t> last_;
  std::uint32_t next_ = 0;
  // The parts of the time; `next_` is the one that is going on.
  std::array<call_tally, parts> in_part_{};
  nanoseconds part_{};
  time_point part_end_ = unknown;
};

}  // namespace rondo::detail
