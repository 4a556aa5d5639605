#include <rondo/patterns/parts/branches.hpp>
#include <rondo/runtime/inside/debug_table.hpp>

// For share/rondo/gdb.py: see there, and debug_table.hpp.
extern "C" {
[[gnu::used, gnu::visibility("default")]] constinit rondo::detail::debug_table rondo_debug_patterns;
}

namespace rondo::detail {

struct reach_first_branch {
  friend constexpr auto reach(reach_first_branch) noexcept;
};
template struct private_member<reach_first_branch, &branches_wait::first_>;
struct reach_next_branch {
  friend constexpr auto reach(reach_next_branch) noexcept;
};
template struct private_member<reach_next_branch, &branch_base::next_>;

namespace {
[[maybe_unused]] const bool branches_described = [] {
  rondo_debug_patterns.add("branches.first", offset_in(reach(reach_first_branch())));
  rondo_debug_patterns.add("branch.job", base_in<branch_base, job>());
  rondo_debug_patterns.add("branch.next", offset_in(reach(reach_next_branch())));
  return true;
}();
}  // namespace

void branches_wait::add(branch_base& b) noexcept {
  (first_ ? last_->next_ : first_) = &b;
  last_ = &b;
}

bool branches_wait::begin(job& parent) noexcept {
  if (!first_) return true;
  // When cancellation is due, only those start that have a cleanup to run.
  const bool stop = parent.must_stop();
  if (stop && !must_begin()) {
    parent.wake_stopped();
    return false;
  }
  parent_ = &parent;
  parent.wait_on(*this);
  for (branch_base* b = first_; b; b = b->next_) {
    if (stop && !b->cleans_up()) continue;
    ++running_;
    b->start(*this);
  }
  if (stop) {
    stopped_ = true;  // the others, before they began
    cancel(parent);
  }
  return false;
}

bool branches_wait::must_begin() const noexcept {
  for (const branch_base* b = first_; b; b = b->next_)
    if (b->cleans_up()) return true;
  return false;
}

void branches_wait::describe(wait_visitor& v) const {
  v.waits_for("its branches");
  for (const branch_base* b = first_; b; b = b->next_)
    if (!b->ended()) v.child(*b, "branch");
}

void branches_wait::cancel(job&) noexcept {
  outside_ = true;
  cancel_branches();
}

void branches_wait::cancel_branches() noexcept {
  for (branch_base* b = first_; b; b = b->next_) b->cancel();
}

void branches_wait::on_end(job& j) noexcept {
  auto& b = static_cast<branch_base&>(j);
  const bool failed = b.settle();
  stopped_ |= outside_ && b.stopped();
  branch_ended(b, failed);
  if (--running_ > 0) return;
  if (stopped_ && !decided_)
    parent_->wake_stopped();
  else
    parent_->wake();
}

}  // namespace rondo::detail
