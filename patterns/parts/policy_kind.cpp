#include <rondo/patterns/parts/policy_kind.hpp>

namespace rondo::detail {

const char* name_of(policy_kind k) noexcept {
  switch (k) {
    case policy_kind::other: break;
    case policy_kind::total_timeout: return "total_timeout";
    case policy_kind::retry: return "retry";
    case policy_kind::circuit_breaker: return "circuit_breaker";
    case policy_kind::rate_limiter: return "rate_limiter";
    case policy_kind::bulkhead: return "bulkhead";
    case policy_kind::hedge: return "hedge";
    case policy_kind::attempt_timeout: return "attempt_timeout";
    case policy_kind::fallback: return "fallback";
    case policy_kind::adaptive_limit: return "adaptive_limit";
    case policy_kind::throttle: return "throttle";
    case policy_kind::chaos: return "chaos";
  }
  return "policy";
}

}  // namespace rondo::detail
