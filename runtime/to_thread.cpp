#include <rondo/runtime/to_thread.hpp>

namespace rondo::detail {

bool thread_wait_base::begin(job& j) noexcept {
  if (j.must_stop()) {
    j.wake_stopped();
    return false;
  }
  loop& l = this_loop();
  if (l.simulated()) {
    call_->call();
    return true;
  }
  call_->set_home(l, j);
  try {
    submit_to_pool(*call_);
  } catch (...) {
    call_->release();
    refused_ = std::current_exception();
    return true;
  }
  j.wait_on(*this);
  return false;
}

void thread_wait_base::cancel(job& j) noexcept {
  if (take_back_from_pool(*call_)) {
    call_->release();
    j.wake_stopped();
  } else if (may_abandon_ && call_->abandon()) {
    j.wake_stopped();
  }
}

}  // namespace rondo::detail
