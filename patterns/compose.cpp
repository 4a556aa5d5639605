#include <rondo/patterns/compose.hpp>

#include <cstdio>
#include <stdexcept>
#include <string>

namespace rondo::detail {
namespace {

using kind = policy_kind;

// It looks at how calls end.
bool judges(kind k) noexcept {
  return k == kind::circuit_breaker || k == kind::adaptive_limit || k == kind::throttle;
}

bool stands_once(kind k) noexcept {
  return k == kind::retry || k == kind::total_timeout || k == kind::attempt_timeout ||
         k == kind::hedge;
}

std::string in_seconds(nanoseconds d) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g s", std::chrono::duration<double>(d).count());
  return text;
}

[[noreturn]] void refuse_stack(const std::string& what) {
  throw std::invalid_argument("compose: " + what);
}

// Both stand in the stack, `outer` further out.
void check_pair(const stacked_policy& outer, const stacked_policy& inner) {
  const std::string o = name_of(outer.kind);
  const std::string i = name_of(inner.kind);
  if (outer.shared && outer.shared == inner.shared)
    refuse_stack("the same " + o + " stands in the stack twice: each call would count twice in it");
  if (outer.kind == inner.kind && stands_once(outer.kind))
    refuse_stack("two of " + o +
                 (outer.kind == kind::retry || outer.kind == kind::hedge
                      ? ": their calls multiply; keep one"
                      : ": the longer one would have no effect; keep one"));
  if (outer.kind == kind::total_timeout && inner.kind == kind::attempt_timeout &&
      inner.limit > outer.limit)
    refuse_stack("attempt_timeout (" + in_seconds(inner.limit) +
                 ") is longer than total_timeout (" + in_seconds(outer.limit) +
                 ") around it: it could never be reached");
  if (outer.kind == kind::attempt_timeout && inner.kind == kind::total_timeout)
    refuse_stack(
        "total_timeout stands inside attempt_timeout: an attempt is a part of the total, so put "
        "it outside");
  if (outer.kind == kind::retry && inner.kind == kind::total_timeout)
    refuse_stack(
        "total_timeout stands inside retry, where it would start again with each attempt: put it "
        "outside, or use attempt_timeout");
  if (outer.kind == kind::attempt_timeout && inner.kind == kind::retry)
    refuse_stack(
        "attempt_timeout stands outside retry, where it would limit all attempts together: put it "
        "inside, or use total_timeout");
  if (outer.kind == kind::attempt_timeout && judges(inner.kind))
    refuse_stack("attempt_timeout stands outside " + i +
                 ", which would never hear of a timeout: put it inside");
  if (inner.kind == kind::fallback &&
      (judges(outer.kind) || outer.kind == kind::retry || outer.kind == kind::hedge))
    refuse_stack("fallback stands inside " + o +
                 ", which would never see a failure: put it outside");
  if (outer.kind == kind::hedge && inner.kind == kind::retry)
    refuse_stack(
        "hedge stands outside retry, so that each of its calls would be retried: put it inside");
  if (outer.kind == kind::chaos)
    refuse_stack(i +
                 " stands inside chaos, and would not see what chaos does: put chaos innermost");
}

}  // namespace

void check_stack(std::span<const stacked_policy> policies) {
  for (std::size_t inner = 1; inner < policies.size(); ++inner)
    for (std::size_t outer = 0; outer < inner; ++outer)
      check_pair(policies[outer], policies[inner]);
}

}  // namespace rondo::detail
