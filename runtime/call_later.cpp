#include <rondo/runtime/call_later.hpp>
#include <rondo/runtime/loop.hpp>

#include <algorithm>

namespace rondo {
namespace detail {

void pending_call::cancel() noexcept {
  this_loop().timers().disarm(due_);
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
    unhandled_here();
  }
  c.forget();
  c.release();
}

}  // namespace detail

timer_handle loop::arm_call(std::unique_ptr<detail::pending_call> call, detail::nanoseconds after) {
  timers_.arm(call->due_, std::max(after, detail::nanoseconds::zero()));
  calls_.push_back(*call);
  return timer_handle(*call.release());  // the loop's, until it has come
}

void loop::drop_calls() noexcept {
  while (!calls_.empty()) calls_.front().cancel();
}

}  // namespace rondo
