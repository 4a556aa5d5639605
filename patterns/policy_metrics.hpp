// policy_metrics: what the policies of the program do, as numbers of a registry (metrics.hpp).
//
//   auto numbers = std::make_shared<metrics>();
//   policy_metrics counts(numbers);
//   set_telemetry(&counts);
//
//   rondo_policy_calls_total                 counter     outcome
//   rondo_policy_attempt_duration_seconds    histogram   outcome
//   rondo_policy_refusals_total              counter     reason
//   rondo_policy_retries_total               counter     policy
//   rondo_policy_fallbacks_total             counter
//   rondo_circuit_breaker_transitions_total  counter     to
//   rondo_circuit_breakers                   gauge       state: open, half_open, isolated
//
// A breaker that is destroyed in one of these states stays counted there.
#pragma once

#include <rondo/patterns/telemetry.hpp>
#include <rondo/runtime/metrics.hpp>

#include <memory>

namespace rondo {

namespace detail {
struct policy_numbers;
}

class policy_metrics final : public telemetry {
 public:
  // `also` hears of every event after this. Throws std::invalid_argument when the registry is null,
  // or has other things of these names.
  explicit policy_metrics(std::shared_ptr<metrics> registry, telemetry* also = nullptr);
  policy_metrics(const policy_metrics&) = delete;
  policy_metrics& operator=(const policy_metrics&) = delete;
  ~policy_metrics();

  // Counts what an event says, and hands it on to `also`.
  void take(const policy_event& e) override;

 private:
  std::unique_ptr<detail::policy_numbers> numbers_;
  telemetry* also_;
};

}  // namespace rondo
