// The kinds of policies, for the validation of stacks and for telemetry.
#pragma once

#include <cstdint>

namespace rondo::detail {

enum class policy_kind : std::uint8_t {
  other,
  total_timeout,
  retry,
  circuit_breaker,
  rate_limiter,
  bulkhead,
  hedge,
  attempt_timeout,
  fallback,
  adaptive_limit,
  throttle,
  chaos
};

// "retry", "circuit_breaker", …; "policy" for a user's own.
const char* name_of(policy_kind k) noexcept;

// A policy's member `kind`, if it has one.
template <class P>
constexpr policy_kind kind_of() noexcept {
  if constexpr (requires { P::kind; })
    return P::kind;
  else
    return policy_kind::other;
}

}  // namespace rondo::detail
