#include <rondo/patterns/policy_metrics.hpp>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string_view>

namespace rondo {
namespace detail {
namespace {

struct outcome_label {
  static constexpr std::string_view label = "outcome";
  static constexpr std::size_t count = 5;
  call_end how;
  std::size_t index() const noexcept { return static_cast<std::size_t>(how); }
  std::string_view text() const noexcept {
    return std::array<std::string_view, count>{"value", "error", "rejected", "timed_out",
                                               "cancelled"}[index()];
  }
};

struct reason_label {
  static constexpr std::string_view label = "reason";
  static constexpr std::size_t count = 10;
  rejection_reason why;
  std::size_t index() const noexcept { return std::min(static_cast<std::size_t>(why), count - 1); }
  std::string_view text() const noexcept {
    return std::array<std::string_view, count>{"unknown",      "circuit_open",     "isolated",
                                               "probe_busy",   "bulkhead_full",    "queue_timeout",
                                               "rate_limited", "budget_exhausted", "limit_exceeded",
                                               "throttled"}[index()];
  }
};

// Of the kinds that name_of() has, and "policy" for a user's own.
class policy_label {
 public:
  static constexpr std::string_view label = "policy";
  static constexpr std::size_t count = 12;
  explicit policy_label(std::string_view name) noexcept {
    while (at_ < count && name_of(static_cast<policy_kind>(at_)) != name) ++at_;
    at_ %= count;
  }
  std::size_t index() const noexcept { return at_; }
  std::string_view text() const noexcept { return name_of(static_cast<policy_kind>(at_)); }

 private:
  std::size_t at_ = 0;
};

struct circuit_label {
  static constexpr std::string_view label = "state";
  static constexpr std::size_t count = 4;
  circuit_state state;
  std::size_t index() const noexcept { return static_cast<std::size_t>(state); }
  std::string_view text() const noexcept {
    return std::array<std::string_view, count>{"closed", "open", "half_open", "isolated"}[index()];
  }
};

}  // namespace

struct policy_numbers {
  explicit policy_numbers(std::shared_ptr<metrics> m)
      : registry(std::move(m)),
        calls(registry->counters<outcome_label>("rondo_policy_calls_total",
                                                "Calls through a stack of policies.")),
        attempts(registry->histograms<outcome_label>("rondo_policy_attempt_duration_seconds",
                                                     "Duration of the attempts of such calls.")),
        refusals(registry->counters<reason_label>("rondo_policy_refusals_total",
                                                  "Calls that a policy did not let through.")),
        retries(registry->counters<policy_label>("rondo_policy_retries_total",
                                                 "Times that a policy made a call once more.")),
        fallbacks(
            registry->counter("rondo_policy_fallbacks_total", "Calls that got another answer.")),
        transitions(registry->counters<circuit_label>("rondo_circuit_breaker_transitions_total",
                                                      "Changes of a circuit breaker's state.")),
        breakers(registry->gauges<circuit_label>("rondo_circuit_breakers",
                                                 "Circuit breakers that are not closed.")) {}

  void changed(const circuit_transition& t) {
    transitions.with({t.to}).add();
    if (t.from != circuit_state::closed) breakers.with({t.from}).add(-1);
    if (t.to != circuit_state::closed) breakers.with({t.to}).add(1);
  }

  std::shared_ptr<metrics> registry;
  metric_family<metric_counter, outcome_label>& calls;
  metric_family<metric_histogram, outcome_label>& attempts;
  metric_family<metric_counter, reason_label>& refusals;
  metric_family<metric_counter, policy_label>& retries;
  metric_counter& fallbacks;
  metric_family<metric_counter, circuit_label>& transitions;
  metric_family<metric_gauge, circuit_label>& breakers;
};

}  // namespace detail

policy_metrics::policy_metrics(std::shared_ptr<metrics> registry, telemetry* also) : also_(also) {
  if (!registry) throw std::invalid_argument("there are no metrics to count in");
  numbers_ = std::make_unique<detail::policy_numbers>(std::move(registry));
}

policy_metrics::~policy_metrics() = default;

void policy_metrics::take(const policy_event& e) {
  detail::policy_numbers& n = *numbers_;
  using enum policy_event::kind;
  switch (e.what) {
    case call_ended: n.calls.with({e.how}).add(); break;
    case attempt_ended:
      n.attempts.with({e.how}).observe(std::chrono::duration<double>(e.took).count());
      break;
    case refused: n.refusals.with({e.why.reason}).add(); break;
    case again: n.retries.with(detail::policy_label(e.policy)).add(); break;
    case substituted: n.fallbacks.add(); break;
    case circuit_changed:
      if (e.circuit) n.changed(*e.circuit);
      break;
  }
  if (also_) also_->take(e);
}

}  // namespace rondo
