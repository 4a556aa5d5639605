#include <rondo/patterns/bulkhead.hpp>

#include <stdexcept>

namespace rondo {

bulkhead::options::options(detail::amount permits) : permits_(permits) {
  if (permits == 0) throw std::invalid_argument("bulkhead: without a permit no call could be made");
}

std::chrono::nanoseconds bulkhead::options::checked(std::chrono::nanoseconds d) {
  if (d <= std::chrono::nanoseconds::zero())
    throw std::invalid_argument(
        "bulkhead: the queue timeout must be positive; for no wait at all use queue(0)");
  return d;
}

bulkhead::bulkhead(detail::amount permits) : bulkhead(options(permits)) {}

bulkhead::bulkhead(const options& o) noexcept
    : free_(o.permits_), permits_(o.permits_), queue_(o.queue_), queue_timeout_(o.queue_timeout_) {}

bulkhead::~bulkhead() {
  if (!line_.empty()) detail::fatal("a bulkhead was destroyed while a call waited for room");
  if (in_use() > 0) detail::fatal("a bulkhead was destroyed while a permit of it was out");
}

void bulkhead::hand_over() noexcept {
  acquire_wait& first = line_.front();
  first.leave();
  first.job_->wake();
}

bool bulkhead::acquire_wait::wait(detail::job& j) noexcept {
  if (j.stops_here()) return false;
  bulkhead& b = *bulkhead_;
  if (b.waiting_ >= b.queue_) {
    end_ = end::full;
    return true;
  }
  auto& timers = detail::this_core().timers();
  timer_.waiter = this;
  if (until_ != detail::never && until_ <= detail::add(this_loop().now(), b.queue_timeout_)) {
    when_time_is_up_ = end::too_late;
    timers.arm(timer_, until_);
  } else if (b.queue_timeout_ != std::chrono::nanoseconds::max()) {
    timers.arm(timer_, b.queue_timeout_);
  }
  job_ = &j;
  b.line_.push_back(*this);
  ++b.waiting_;
  j.wait_on(*this);
  return false;
}

void bulkhead::acquire_wait::leave() noexcept {
  bulkhead_->line_.remove(*this);
  --bulkhead_->waiting_;
  detail::this_core().timers().disarm(timer_);
}

void bulkhead::acquire_wait::cancel(detail::job& j) noexcept {
  leave();
  j.wake_stopped();
}

void bulkhead::acquire_wait::queue_timer::fired(detail::timer& t) noexcept {
  acquire_wait& self = *static_cast<queue_timer&>(t).waiter;
  self.leave();
  self.end_ = self.when_time_is_up_;
  self.job_->wake();
}

admission bulkhead::layer::resume(call_context&) {
  if (wait_->end_ == acquire_wait::end::too_late) return admission::expire();
  outcome<permit> room = wait_->take_outcome();
  if (const auto refusal = rejection::of(room)) return *refusal;
  permit_ = std::move(room).value();
  return admission::go();
}

outcome<bulkhead::permit> bulkhead::acquire_wait::take_outcome() {
  if (end_ == end::served) return outcome<permit>(std::in_place, permit(*bulkhead_));
  return outcome<permit>(detail::small_error_of(
      {end_ == end::full ? rejection_reason::bulkhead_full : rejection_reason::queue_timeout}));
}

}  // namespace rondo
