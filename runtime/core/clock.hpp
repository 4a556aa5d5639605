// Time as the runtime counts it: nanoseconds of the steady clock, saturating at both ends.
//
// Every public function takes any std::chrono::duration. A duration too long for a signed 64-bit
// count of nanoseconds (292 years) means "never", one too short means "at once"; a fraction of a
// nanosecond is rounded up, because a timer may be late but never early.
#pragma once

#include <rondo/version.hpp>

#include <cstdint>
#include <limits>
#include <type_traits>
#include <version>

// Durations, clocks and literals. In libstdc++ <chrono> is these and the calendar, which brings
// streams and locales: a twelfth of what <rondo/runtime.hpp> would cost.
#ifdef __GLIBCXX__
#include <bits/chrono.h>
#else
#include <chrono>
#endif

namespace rondo::detail {

using steady = std::chrono::steady_clock;
using nanoseconds = std::chrono::nanoseconds;
using time_point = std::chrono::time_point<steady, nanoseconds>;

inline constexpr time_point never = time_point::max();

template <class Rep, class Period>
constexpr nanoseconds saturate(std::chrono::duration<Rep, Period> d) noexcept {
  using wide = std::chrono::duration<long double, std::nano>;
  const long double ns = wide(d).count();
  if (!(ns == ns)) return nanoseconds::zero();  // not a number: no time at all
  if (ns >= static_cast<long double>(std::numeric_limits<std::int64_t>::max()))
    return nanoseconds::max();
  if (ns <= static_cast<long double>(std::numeric_limits<std::int64_t>::min()))
    return nanoseconds::min();
  return std::chrono::ceil<nanoseconds>(d);
}
constexpr nanoseconds saturate(nanoseconds d) noexcept { return d; }

template <class Duration>
constexpr time_point saturate(std::chrono::time_point<steady, Duration> t) noexcept {
  return time_point(saturate(t.time_since_epoch()));
}

// `t + d`, held at the ends of the range.
constexpr time_point add(time_point t, nanoseconds d) noexcept {
  const std::int64_t a = t.time_since_epoch().count();
  std::int64_t sum = 0;
  if (__builtin_add_overflow(a, d.count(), &sum))
    return d.count() > 0 ? time_point::max() : time_point::min();
  return time_point(nanoseconds(sum));
}

}  // namespace rondo::detail
