#include <rondo/patterns/circuit_breaker.hpp>

#include <algorithm>

namespace rondo {

using nanoseconds = std::chrono::nanoseconds;

namespace {

detail::circuit_settings completed(detail::circuit_settings s) {
  s.complete();
  return s;
}

}  // namespace

void detail::circuit_changed(const void* breaker, const circuit_transition& t) noexcept {
  telemetry* sink = current_telemetry();
  if (!sink) return;
  policy_event e{.what = policy_event::kind::circuit_changed};
  e.policy = name_of(policy_kind::circuit_breaker);
  e.object = breaker;
  e.circuit = &t;
  tell(*sink, e);
}

circuit_breaker::circuit_breaker() : circuit_breaker(options()) {}

circuit_breaker::circuit_breaker(options o) : circuit_breaker(std::move(o), detail::policy_now()) {}

circuit_breaker::circuit_breaker(options o, time_point now)
    : since_(now), settings_(completed(std::move(o.settings_))) {
  probes_.resize(settings_.probes);
  window_ = settings_.window();
  if (!window_.keeps()) simple_generation_ = generation_;
}

circuit_breaker::~circuit_breaker() {
  if (in_use() > 0 || isolations_ > 0)
    detail::fatal("a circuit_breaker was destroyed while a call or an isolation still needed it");
}

verdict circuit_breaker::judge_rarely(const detail::call_result& r) const {
  return detail::judge(r, settings_.classifier).says;
}

// --- admitting ----------------------------------------------------------------------------------

circuit_breaker::permit circuit_breaker::refuse(rejection r) noexcept {
  ++counts_.refused;
  return permit(r);
}

circuit_breaker::permit circuit_breaker::admit_open(time_point now) noexcept {
  if (isolations_ > 0) return refuse({rejection_reason::isolated});
  if (state_ == state::half_open) return admit_probe(now);
  if (now < open_until_) return refuse({rejection_reason::circuit_open, open_until_ - now});
  const state before = current();
  enter(state::half_open, now);
  permit p = admit_probe(now);  // the first place is this caller's, whatever a listener does
  changed(before, circuit_cause::time_over, now);
  return p;
}

circuit_breaker::permit circuit_breaker::admit_probe(time_point now) noexcept {
  probe* place = nullptr;
  probe* oldest = nullptr;
  for (probe& p : probes_) {
    if (p.holder == succeeded) continue;
    if (p.holder == nobody) {
      place = &p;
      break;
    }
    if (!oldest || p.holder < oldest->holder) oldest = &p;
  }
  if (!place) {
    if (now < oldest->lease_end)
      return refuse({rejection_reason::probe_busy, oldest->lease_end - now});
    place = oldest;  // hung
  }
  place->holder = ++last_ticket_;
  place->lease_end = detail::add(now, settings_.probe_lease);
  ++counts_.admitted;
  return {*this, place->holder, static_cast<std::uint32_t>(place - probes_.data()), now};
}

admission circuit_breaker::layer::enter_rarely(time_point now) noexcept {
  if (breaker_.state_ == state::open && breaker_.isolations_ == 0 && now < breaker_.open_until_) {
    ++breaker_.counts_.refused;
    return rejection{rejection_reason::circuit_open, breaker_.open_until_ - now};
  }
  permit p = breaker_.admit_open(now);
  if (!p) return p.refusal();
  p.breaker_ = nullptr;  // ours from here
  ticket_ = p.ticket_;
  place_ = p.place_;
  began_ = now;
  entered_ = true;
  return admission::go();
}

// --- settling -----------------------------------------------------------------------------------

// Everything but a success while closed and nothing but failures in a row counts.
void circuit_breaker::settle_rarely(const permit& p, verdict v, time_point now) noexcept {
  const bool is_probe = p.place_ != permit::no_place;
  const bool valid = is_probe ? probes_[p.place_].holder == p.ticket_ : p.ticket_ == generation_;
  if (!valid) {
    ++counts_.stale;
    return;
  }
  if (v == verdict::neutral) {
    ++counts_.neutral;
    if (is_probe) probes_[p.place_].holder = nobody;
    return;
  }
  ++(v == verdict::success ? counts_.successes : counts_.failures);
  const bool slow = now > detail::add(p.began_, settings_.slow_after);
  counts_.slow += slow ? 1 : 0;
  if (is_probe)
    settle_probe(p, v, slow, now);
  else
    record(v, slow, now);
}

void circuit_breaker::settle_probe(const permit& p, verdict v, bool slow, time_point now) noexcept {
  const state before = current();
  if (v == verdict::failure || slow) {
    enter(state::open, now);
    changed(before, circuit_cause::probe_failed, now);
    return;
  }
  probes_[p.place_].holder = succeeded;
  if (!std::all_of(probes_.begin(), probes_.end(),
                   [](const probe& one) { return one.holder == succeeded; }))
    return;
  enter(state::closed, now);
  changed(before, circuit_cause::probes_succeeded, now);
}

// A call that counts, while closed.
void circuit_breaker::record(verdict v, bool slow, time_point now) noexcept {
  const bool failed = v == verdict::failure;
  failures_in_a_row_ = failed ? failures_in_a_row_ + 1 : 0;
  std::optional<circuit_cause> why;
  if (failed && failures_in_a_row_ == *settings_.consecutive_failures)
    why = circuit_cause::failures_in_a_row;
  if (window_.keeps()) {
    window_.record(failed, slow, now);
    const detail::call_tally& t = window_.sums();
    if (t.calls >= settings_.at_least) {
      if (t.failures >= settings_.failure_rate * t.calls)
        why = circuit_cause::failure_rate;
      else if (t.slow >= settings_.slow_rate * t.calls)
        why = circuit_cause::slow_rate;
    }
  }
  if (!why) return;
  const state before = current();
  enter(state::open, now);
  changed(before, *why, now);
}

void circuit_breaker::enter(state to, time_point now) noexcept {
  state_ = to;
  generation_ = ++last_ticket_;
  simple_generation_ = to == state::closed && !window_.keeps() ? generation_ : nobody;
  failures_in_a_row_ = 0;
  window_.clear();
  for (probe& p : probes_) p = {};
  if (to == state::closed) settings_.open_for.reset();
  if (to == state::open) {
    open_until_ = detail::add(now, settings_.open_for.next());
    ++counts_.opened;
  }
}

void circuit_breaker::reset() noexcept {
  const state before = current();
  const time_point now = detail::policy_now();
  enter(state::closed, now);
  changed(before, circuit_cause::reset, now);
}

circuit_breaker::isolation circuit_breaker::isolate() noexcept {
  const state before = current();
  ++isolations_;
  changed(before, circuit_cause::isolated, detail::policy_now());
  return isolation(*this);
}

void circuit_breaker::end_isolation() noexcept {
  const state before = current();
  --isolations_;
  changed(before, circuit_cause::released, detail::policy_now());
}

nanoseconds circuit_breaker::time_in(state s, time_point now) const noexcept {
  const nanoseconds before = spent_[static_cast<std::size_t>(s)];
  return s == current() && now > since_ ? before + (now - since_) : before;
}

// --- telling ------------------------------------------------------------------------------------

// Tells of the change since `before`, which is complete by now. Changes that a listener makes are
// told when it has returned: everybody sees them in the order in which they were made.
void circuit_breaker::changed(state before, circuit_cause why, time_point now) noexcept {
  const transition t{before, current(), why, now};
  if (t.from == t.to) return;
  if (now > since_) spent_[static_cast<std::size_t>(before)] += now - since_;
  since_ = now;
  if (!settings_.listener && !detail::current_telemetry()) return;
  if (publishing_) {
    try {
      unpublished_.push_back(t);
    } catch (...) {
      detail::report_exception();
    }
    return;
  }
  publishing_ = true;
  deliver(t);
  for (std::size_t i = 0; i < unpublished_.size(); ++i) deliver(transition(unpublished_[i]));
  unpublished_.clear();
  publishing_ = false;
}

void circuit_breaker::deliver(const transition& t) noexcept {
  if (tells_) detail::circuit_changed(this, t);
  try {
    if (settings_.listener) settings_.listener->tell(t);
  } catch (...) {
    detail::report_exception();
  }
}

}  // namespace rondo
