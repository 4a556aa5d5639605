#include <rondo/patterns/circuit_breaker.hpp>

#include <algorithm>
#include <stdexcept>

namespace rondo {

using nanoseconds = std::chrono::nanoseconds;

circuit_breaker::options& circuit_breaker::options::consecutive_failures(std::uint32_t n) & {
  if (n == 0) throw std::invalid_argument("circuit_breaker: at least one failure must open it");
  consecutive_failures_ = n;
  return *this;
}

circuit_breaker::options& circuit_breaker::options::probes(std::uint32_t n) & {
  if (n == 0) throw std::invalid_argument("circuit_breaker: without a probe it would never close");
  probes_ = n;
  return *this;
}

circuit_breaker::circuit_breaker() : circuit_breaker(options()) {}

circuit_breaker::circuit_breaker(options o)
    : probes_(o.probes_),
      consecutive_failures_(o.consecutive_failures_),
      open_for_(o.open_for_),
      probe_lease_(o.probe_lease_),
      classifier_(std::move(o.classifier_)),
      listener_(std::move(o.listener_)) {}

circuit_breaker::~circuit_breaker() {
  if (in_use() > 0 || isolations_ > 0)
    detail::fatal("a circuit_breaker was destroyed while a call or an isolation still needed it");
}

verdict circuit_breaker::judge_rarely(const detail::call_result& r) const {
  rejection why{};
  const detail::ending end = detail::ending_of(r, why);
  if (end == detail::ending::cancelled) return verdict::neutral;
  if (const std::optional<verdict> v = classifier_.ask(r)) return *v;
  switch (end) {
    case detail::ending::value: return verdict::success;
    case detail::ending::error: return verdict::failure;
    // The callee was not reached.
    case detail::ending::rejected:
    case detail::ending::cancelled: break;
  }
  return verdict::neutral;
}

// --- admitting
// --------------------------------------------------------------------------------------

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
  publish(before, now);
  return p;
}

circuit_breaker::permit circuit_breaker::admit_probe(time_point now) noexcept {
  probe* place = nullptr;
  time_point next_lease_end = time_point::max();
  for (probe& p : probes_) {
    if (p.holder == succeeded) continue;
    if (p.holder == nobody) {
      place = &p;
      break;
    }
    if (p.lease_end < next_lease_end) {
      next_lease_end = p.lease_end;
      if (p.lease_end <= now) place = &p;
    }
  }
  if (!place) return refuse({rejection_reason::probe_busy, next_lease_end - now});
  place->holder = ++last_ticket_;
  place->lease_end = detail::add(now, probe_lease_);
  ++counts_.admitted;
  return {*this, place->holder, static_cast<std::uint32_t>(place - probes_.data())};
}

// --- settling
// ---------------------------------------------------------------------------------------

// Everything but a success while closed.
void circuit_breaker::settle_rarely(const permit& p, verdict v, time_point now) noexcept {
  const bool is_probe = p.place_ != permit::no_place;
  const bool valid = is_probe ? probes_[p.place_].holder == p.ticket_ : p.ticket_ == generation_;
  if (!valid) {
    ++counts_.stale;
    return;
  }
  const state before = current();
  switch (v) {
    case verdict::neutral:
      ++counts_.neutral;
      if (is_probe) probes_[p.place_].holder = nobody;
      break;
    case verdict::success:
      ++counts_.successes;
      probes_[p.place_].holder = succeeded;
      if (std::all_of(probes_.begin(), probes_.end(),
                      [](const probe& one) { return one.holder == succeeded; }))
        enter(state::closed, now);
      break;
    case verdict::failure:
      ++counts_.failures;
      if (is_probe || ++failures_in_a_row_ >= consecutive_failures_) enter(state::open, now);
      break;
  }
  publish(before, now);
}

void circuit_breaker::enter(state to, time_point now) noexcept {
  state_ = to;
  generation_ = ++last_ticket_;
  failures_in_a_row_ = 0;
  for (probe& p : probes_) p = {};
  if (to == state::open) {
    open_until_ = detail::add(now, open_for_);
    ++counts_.opened;
  }
}

void circuit_breaker::reset() noexcept {
  const time_point now = detail::policy_now();
  const state before = current();
  enter(state::closed, now);
  publish(before, now);
}

circuit_breaker::isolation circuit_breaker::isolate() noexcept {
  const state before = current();
  ++isolations_;
  publish(before, detail::policy_now());
  return isolation(*this);
}

void circuit_breaker::end_isolation() noexcept {
  const state before = current();
  --isolations_;
  publish(before, detail::policy_now());
}

// --- telling
// ----------------------------------------------------------------------------------------

// Tells of the change since `before`, which is complete by now. Changes that a listener makes are
// told when it has returned: everybody sees them in the order in which they were made.
void circuit_breaker::publish(state before, time_point now) noexcept {
  const transition t{before, current(), now};
  if (!listener_ || t.from == t.to) return;
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
  try {
    listener_->tell(t);
  } catch (...) {
    detail::report_exception();
  }
}

}  // namespace rondo
