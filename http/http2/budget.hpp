// How often something may happen: a burst, and then so many a second. Internal.
//
//   http2_budget resets(1000, 200);
//   if (!resets.take(now)) …   // too often
#pragma once

#include <rondo/runtime/core/clock.hpp>

#include <algorithm>
#include <cstdint>

namespace rondo::http::detail {

class http2_budget {
 public:
  constexpr http2_budget(std::uint32_t burst, std::uint32_t per_second) noexcept
      : burst_(burst), per_second_(per_second), left_(burst) {}

  // Whether one more is within the budget.
  bool take(rondo::detail::time_point now) noexcept {
    if (left_ < burst_) {
      // Whole tokens only; the rest of the time stays for the next look.
      const auto each = rondo::detail::nanoseconds(std::chrono::seconds(1)) / per_second_;
      const auto tokens = (now - since_) / each;
      if (tokens >= static_cast<std::int64_t>(burst_ - left_)) {
        left_ = burst_;
      } else if (tokens > 0) {
        left_ += static_cast<std::uint32_t>(tokens);
        since_ += tokens * each;
      }
    }
    if (left_ == burst_) since_ = now;
    if (left_ == 0) return false;
    --left_;
    return true;
  }

 private:
  std::uint32_t burst_;
  std::uint32_t per_second_;
  std::uint32_t left_;
  rondo::detail::time_point since_{};
};

}  // namespace rondo::http::detail
