#include <rondo/patterns/race.hpp>

namespace rondo::detail {

void contest_wait::branch_ended(branch_base& b, bool failed) noexcept {
  if (b.stopped()) return;
  if (over_) {
    if (failed) report_unhandled(b.error());
    return;
  }
  if (!cancelled_from_outside()) {
    if (failed && contest_ == contest::any) {
      last_failed_ = &b;
      return;
    }
    winner_ = &b;
    over_ = true;
    decide();
    cancel_branches();
  } else if (failed) {  // an exception wins over the cancellation
    winner_ = &b;
    over_ = true;
    decide();
  } else if (!winner_) {  // counts if nothing was stopped
    winner_ = &b;
  }
}

}  // namespace rondo::detail
