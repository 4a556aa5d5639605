#include <rondo/patterns/gather.hpp>

namespace rondo::detail {

void gather_wait::branch_ended(branch_base& b, bool failed) noexcept {
  if (!failed || !stop_at_failure_) return;
  std::exception_ptr error = b.error();
  if (!first_error_) {
    first_error_ = std::move(error);
    decide();
    cancel_branches();
  } else if (error != first_error_) {
    report_unhandled(std::move(error));
  }
}

}  // namespace rondo::detail
