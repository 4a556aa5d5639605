#include <rondo/patterns/shared_circuit_breaker.hpp>

namespace rondo {

using nanoseconds = std::chrono::nanoseconds;
using core_permit = circuit_breaker::permit;

namespace {

// Writes down what is to be told once the lock is free.
struct note_taker final : detail::circuit_listener {
  explicit note_taker(std::vector<circuit_transition>& to) : changes(to) {}
  void tell(const circuit_transition& t) override { changes.push_back(t); }
  std::vector<circuit_transition>& changes;
};

}  // namespace

shared_circuit_breaker::shared_circuit_breaker() : shared_circuit_breaker(options()) {}

shared_circuit_breaker::shared_circuit_breaker(options o)
    : shared_circuit_breaker(std::move(o), detail::policy_now()) {}

shared_circuit_breaker::shared_circuit_breaker(options o, time_point now)
    : listener_(o.settings_.listener), breaker_(std::move(o), now) {
  breaker_.tells_ = false;
  breaker_.settings_.listener = std::make_shared<note_taker>(changes_);
  mirror();
}

shared_circuit_breaker::~shared_circuit_breaker() { breaker_.counts_ = counts_now(); }

template <class Fn>
auto shared_circuit_breaker::locked(Fn do_it) noexcept {
  std::unique_lock lock(mutex_);
  auto result = do_it();
  mirror();
  const bool tell = !changes_.empty() && !publishing_;
  lock.unlock();
  if (tell) publish();
  return result;
}

shared_circuit_breaker::permit shared_circuit_breaker::admit_rarely(time_point now) noexcept {
  const time_point open_until{nanoseconds(open_until_.load(std::memory_order_acquire))};
  if (open_until > now) {
    refused_.fetch_add(1, std::memory_order_relaxed);
    return permit({rejection_reason::circuit_open, open_until - now});
  }
  return locked([&] {
    core_permit p = breaker_.admit(now);
    if (!p) return permit(p.refusal());
    p.breaker_ = nullptr;  // ours from here
    return permit(*this, p.ticket_, p.place_, now);
  });
}

void shared_circuit_breaker::settle_rarely(const permit& p, verdict v, time_point now) noexcept {
  locked([&] {
    core_permit(breaker_, p.ticket_, p.place_, p.began_).settle(v, now);
    return 0;
  });
}

shared_circuit_breaker::isolation shared_circuit_breaker::isolate() noexcept {
  return locked([&] {
    circuit_breaker::isolation counted = breaker_.isolate();
    counted.breaker_ = nullptr;  // ours from here
    return isolation(*this);
  });
}

void shared_circuit_breaker::end_isolation() noexcept {
  locked([&] {
    breaker_.end_isolation();
    return 0;
  });
}

void shared_circuit_breaker::reset() noexcept {
  locked([&] {
    breaker_.reset();
    return 0;
  });
}

// Behind the lock, after every change.
void shared_circuit_breaker::mirror() noexcept {
  const state now = breaker_.current();
  open_until_.store(
      now == state::open ? breaker_.open_until_.time_since_epoch().count() : INT64_MIN,
      std::memory_order_release);
  streak_.store(breaker_.failures_in_a_row_, std::memory_order_relaxed);
  closed_in_.store(now == state::closed ? breaker_.simple_generation_ : circuit_breaker::nobody,
                   std::memory_order_release);
}

// One thread tells; what others change meanwhile it tells too.
void shared_circuit_breaker::publish() noexcept {
  std::unique_lock lock(mutex_);
  if (publishing_) return;
  publishing_ = true;
  for (std::size_t i = 0; i < changes_.size(); ++i) {
    const transition t = changes_[i];
    lock.unlock();
    detail::circuit_changed(this, t);
    try {
      if (listener_) listener_->tell(t);
    } catch (...) {
      detail::report_exception();
    }
    lock.lock();
  }
  changes_.clear();
  publishing_ = false;
}

shared_circuit_breaker::counts shared_circuit_breaker::counts_now() const noexcept {
  counts c = breaker_.counts_;
  c.successes += successes_.load(std::memory_order_acquire);  // before what it is a part of
  c.admitted += admitted_.load(std::memory_order_relaxed);
  c.refused += refused_.load(std::memory_order_relaxed);
  return c;
}

circuit_state shared_circuit_breaker::current() const noexcept {
  const std::lock_guard lock(mutex_);
  return breaker_.current();
}

shared_circuit_breaker::counts shared_circuit_breaker::totals() const noexcept {
  const std::lock_guard lock(mutex_);
  return counts_now();
}

nanoseconds shared_circuit_breaker::time_in(state s, time_point now) const noexcept {
  const std::lock_guard lock(mutex_);
  return breaker_.time_in(s, now);
}

std::uint64_t shared_circuit_breaker::in_use() const noexcept {
  const counts c = totals();
  return c.admitted - c.successes - c.failures - c.neutral - c.stale;
}

detail::replaceable shared_circuit_breaker::replaceable(time_point now) const noexcept {
  if (in_use() > 0) return detail::replaceable::no;
  const std::lock_guard lock(mutex_);
  return breaker_.replaceable_state(now);
}

}  // namespace rondo
