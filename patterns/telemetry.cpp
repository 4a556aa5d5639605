#include <rondo/patterns/parts/ambient.hpp>
#include <rondo/patterns/telemetry.hpp>

#include <utility>

namespace rondo {
namespace detail {

constinit std::atomic<telemetry*> telemetry_sink{nullptr};

void tell(telemetry& t, const policy_event& e) noexcept {
  static constinit thread_local bool telling = false;
  if (std::exchange(telling, true)) return;  // the sink's own doing
  try {
    t.take(e);
  } catch (...) {
    report_exception();
  }
  telling = false;
}

time_point call_watch::this_thread_time() noexcept { return policy_now(); }

void call_watch::attempt_begins() noexcept {
  ++attempts_;
  attempt_began_ = policy_now();
}

void call_watch::attempt_ended(call_end how) noexcept {
  policy_event e{.what = policy_event::kind::attempt_ended, .how = how};
  e.took = policy_now() - attempt_began_;
  e.attempts = attempts_;
  tell(*sink_, e);
}

void call_watch::refused(policy_kind k, const void* object, rejection why) noexcept {
  policy_event e{.what = policy_event::kind::refused, .how = call_end::rejected};
  e.policy = name_of(k);
  e.object = object;
  e.why = why;
  tell(*sink_, e);
}

void call_watch::again(policy_kind k, const void* object, nanoseconds delay) noexcept {
  policy_event e{.what = policy_event::kind::again};
  e.policy = name_of(k);
  e.object = object;
  e.took = delay;
  e.attempts = attempts_;
  tell(*sink_, e);
}

void call_watch::substituted(policy_kind k, const void* object) noexcept {
  policy_event e{.what = policy_event::kind::substituted};
  e.policy = name_of(k);
  e.object = object;
  tell(*sink_, e);
}

void call_watch::call_ended(call_end how, std::error_code code) noexcept {
  policy_event e{.what = policy_event::kind::call_ended, .how = how};
  e.took = policy_now() - began_;
  e.attempts = attempts_;
  e.code = code;
  tell(*std::exchange(sink_, nullptr), e);
}

}  // namespace detail

telemetry* set_telemetry(telemetry* t) noexcept {
  return detail::telemetry_sink.exchange(t, std::memory_order_acq_rel);
}

void policy_counters::take(const policy_event& e) noexcept {
  const auto one_more = [](std::atomic<std::uint64_t>& n) {
    n.fetch_add(1, std::memory_order_relaxed);
  };
  switch (e.what) {
    case policy_event::kind::attempt_ended:
      attempts_.at(static_cast<std::size_t>(e.how)).add(e.took);
      break;
    case policy_event::kind::call_ended:
      calls_.at(static_cast<std::size_t>(e.how)).add(e.took);
      break;
    case policy_event::kind::refused:
      one_more(refused_.at(static_cast<std::size_t>(e.why.reason)));
      break;
    case policy_event::kind::again: one_more(again_); break;
    case policy_event::kind::substituted: one_more(substituted_); break;
    case policy_event::kind::circuit_changed:
      if (e.circuit->to == circuit_state::open) one_more(opened_);
      break;
  }
}

void policy_counters::sums::add(std::chrono::nanoseconds took) noexcept {
  const std::int64_t ns = took.count();
  count.fetch_add(1, std::memory_order_relaxed);
  total.fetch_add(ns, std::memory_order_relaxed);
  std::int64_t known = longest.load(std::memory_order_relaxed);
  while (known < ns && !longest.compare_exchange_weak(known, ns, std::memory_order_relaxed)) {
  }
}

policy_counters::tally policy_counters::sums::read() const noexcept {
  return {count.load(std::memory_order_relaxed),
          std::chrono::nanoseconds(total.load(std::memory_order_relaxed)),
          std::chrono::nanoseconds(longest.load(std::memory_order_relaxed))};
}

}  // namespace rondo
