#include <rondo/runtime/call_later.hpp>
#include <rondo/runtime/core/loop_core.hpp>

#include <algorithm>

namespace rondo::detail {

void pending_call::cancel() noexcept {
  this_core().timers().disarm(due_);
  unlink();
  forget();
  release();
}

void pending_call::due::fired(timer& t) noexcept {
  pending_call& c = *static_cast<due&>(t).call;
  c.unlink();
  try {
    c.run();
  } catch (...) {
    report_unhandled(std::current_exception());
  }
  c.forget();
  c.release();
}

timer_handle arm_call(std::unique_ptr<pending_call> call, nanoseconds after) {
  this_core().timers().arm(call->due_, std::max(after, nanoseconds::zero()));
  this_core().calls().push_back(*call);
  return timer_handle(*call.release());
}

}  // namespace rondo::detail
