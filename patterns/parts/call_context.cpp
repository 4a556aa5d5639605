#include <rondo/patterns/parts/call_context.hpp>
#include <rondo/runtime/inspect.hpp>

#include <algorithm>
#include <optional>

namespace rondo {

detail::time_point call_context::nearest_deadline() const {
  const std::optional<std::chrono::nanoseconds> left = remaining_time();
  return left ? std::min(limit_.deadline, detail::add(now(), *left)) : limit_.deadline;
}

}  // namespace rondo
