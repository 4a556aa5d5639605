#include <rondo/runtime/scope.hpp>

namespace rondo {
namespace detail {

bool scope_wait::begin(job& parent) noexcept {
  if (over()) return true;
  if (parent.must_stop())
    stop(parent);
  else
    start(parent);
  return false;
}

void scope_wait::on_end(job&) noexcept {
  child_->let_go();
  if (!child_->stopped())
    parent_->wake();
  else if (parent_->must_stop())
    parent_->wake_stopped();
  else
    parent_->retry(*this);  // its own doing; a cancellation that comes before its turn wins
}

bool deadline_wait::begin(job& parent) noexcept {
  if (over()) return true;
  if (parent.must_stop()) {
    stop(parent);
    return false;
  }
  if (after_ <= nanoseconds::zero()) {
    expired_ = true;
    if (child_->cleans_up()) {
      start_to_clean_up(parent);
      return false;
    }
    child_->discard();
    skipped_ = true;
    return true;
  }
  start(parent);
  this_core().timers().arm(*this, after_);
  return false;
}

void deadline_wait::on_end(job& child) noexcept {
  this_core().timers().disarm(*this);
  scope_wait::on_end(child);
}

void deadline_wait::fired(timer& t) noexcept {
  auto& self = static_cast<deadline_wait&>(t);
  self.expired_ = true;
  self.child_->cancel();
}

}  // namespace detail

cancel_scope::~cancel_scope() {
  if (running_) detail::fatal("a cancel_scope was destroyed while a task ran in it");
  if (timer_.armed()) detail::this_core().timers().disarm(timer_);
}

void cancel_scope::cancel() noexcept {
  cancelled_ = true;
  if (running_) running_->cancel();
}

void cancel_scope::arm(detail::time_point tp) noexcept {
  detail::timer_wheel& timers = detail::this_core().timers();
  timers.disarm(timer_);
  timers.arm(timer_, tp);
}

}  // namespace rondo
