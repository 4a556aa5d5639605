#include <rondo/runtime/to_thread.hpp>

namespace rondo::detail {

void thread_call::begin(job& j) noexcept {
  loop_core& l = this_core();
  home_ = l.mailbox();
  waiter_ = &j;
  references_.fetch_add(1, std::memory_order_relaxed);
  in_line_ = !l.threads().take(*this);
  if (in_line_ || hand_over()) return;
  // No thread can be had, now or for those in line.
  pass_on(l.threads());
  j.wake();
}

bool thread_call::hand_over() noexcept {
  try {
    submit_to_pool(*this);
    return true;
  } catch (...) {
    refused_ = std::current_exception();
    release();
    return false;
  }
}

void thread_call::pass_on(thread_slots& slots) noexcept {
  while (pool_item* item = slots.give()) {
    auto& next = static_cast<thread_call&>(*item);
    next.in_line_ = false;
    job& waiter = *next.waiter_;
    if (next.hand_over()) return;
    waiter.wake();
  }
}

void thread_call::run() noexcept {
  if (!waiter_) this_core().threads().abandoned_returned();
  pass_on(this_core().threads());
  job* j = waiter_;
  release();
  if (j) j->wake();
}

bool thread_call::cancel(bool may_abandon) noexcept {
  if (in_line_) {
    unlink();
  } else if (take_back_from_pool(*this)) {
    pass_on(this_core().threads());
  } else if (may_abandon) {
    waiter_ = nullptr;
    this_core().threads().abandoned();
    return true;
  } else {
    return false;
  }
  release();
  return true;
}

bool thread_wait_base::begin(job& j) noexcept {
  if (j.stops_here()) return false;
  if (this_core().simulated()) {
    call_->call();
    return true;
  }
  j.wait_on(*this);
  call_->begin(j);
  return false;
}

void thread_wait_base::cancel(job& j) noexcept {
  if (call_->cancel(may_abandon_)) j.wake_stopped();
}

}  // namespace rondo::detail
