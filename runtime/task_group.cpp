#include <rondo/runtime/inspect.hpp>
#include <rondo/runtime/task_group.hpp>

#include <new>
#include <string>

namespace rondo::detail {

void child_record::start(group_wait& group) noexcept {
  group_ = &group;
  child_frame::start(*this);
}

void child_record::on_end(job& j) noexcept {
  std::exception_ptr error;
  let_go();
  if (!j.stopped()) error = take_result();
  frame_.reset();  // and the arguments in it: what the child held is back
  if (joiner_) std::exchange(joiner_, nullptr)->wake();
  group_->child_ended(*this, j.stopped(), std::move(error));
  group_ = nullptr;  // only now: what has just been destroyed, and on_unhandled, may look outwards
  drop();
}

const job* child_record::parent() const noexcept { return group_ ? group_->parent() : nullptr; }

void group_wait::describe(wait_visitor& v) const {
  v.waits_for("a task group");
  if (body_running_) v.child(*body_, "body");
  children_.for_each([&](const child_record& r) { v.child(r, "child", &r.spawned_at()); });
}

bool group_wait::begin(job& parent) noexcept {
  if (parent.stops_here()) return false;
  parent_ = &parent;
  parent.wait_on(*this);
  body_running_ = true;
  body_->start_kept(*this);
  return false;
}

void group_wait::add(child_record& r) {
  children_.push_back(r);
  ++running_;
  r.start(*this);
  if (cancelling_) r.cancel();
}

bool group_access::spawn(task_group& g, child_record& r) {
  if (g.state_.closed()) throw group_closed();
  if (g.state_.cancelling() && !r.cleans_up()) {
    g.state_.not_run();
    const destroys_cancelled its_frame;
    r.drop();
    return false;
  }
  g.state_.add(r);
  return true;
}

void group_wait::own(group_object& o) noexcept {
  o.older_ = newest_;
  newest_ = &o;
}

bool group_wait::keeps(const job&) noexcept {
  if (running_ == 0) return false;
  this_core().timers().arm(*this, patience_of_body);
  return true;
}

void group_wait::body_waits_long(timer& t) noexcept {
  auto& self = static_cast<group_wait&>(t);
  std::exception_ptr report;
  try {
    std::string what = "a task group was cancelled, and its body has waited 5 s for ";
    what += std::to_string(self.running_);
    what += " of its children, perhaps for one that waits for what the body holds:\n";
    what += tree_of(self);
    report = std::make_exception_ptr(std::runtime_error(what));
  } catch (const std::bad_alloc&) {
    report = std::current_exception();
  }
  report_unhandled(std::move(report));
}

void group_wait::cancel(job&) noexcept {
  cancelled_from_outside_ = true;
  cancel_all();
}

void group_wait::cancel_all() noexcept {
  if (std::exchange(cancelling_, true)) return;
  if (body_running_) body_->cancel();
  children_.for_each([](child_record& r) { r.cancel(); });
}

void group_wait::on_end(job&) noexcept {
  body_->let_go();
  body_running_ = false;
  if (body_->stopped())
    stopped_from_outside_ |= cancelled_from_outside_;
  else if (outcome<void> o = body_->take_outcome(); o.has_error())
    failed(o.error());
  body_->discard();
  ended();
}

void group_wait::child_ended(child_record& r, bool stopped, std::exception_ptr error) noexcept {
  children_.remove(r);
  --running_;
  if (error)
    failed(std::move(error));
  else if (stopped && !r.cancelled_alone())
    stopped_from_outside_ |= cancelled_from_outside_;
  ended();
}

void group_wait::failed(std::exception_ptr error) noexcept {
  if (!first_error_) {
    first_error_ = std::move(error);
    cancel_all();
  } else if (error != first_error_) {  // the body may rethrow what it joined
    report_unhandled(std::move(error));
  }
}

void group_wait::ended() noexcept {
  if (running_ > 0) return;
  if (body_running_) {
    if (!body_->parked()) return;
    this_core().timers().disarm(*this);
    body_->unpark();
    return;
  }
  closed_ = true;
  if (newest_) destroy_objects();
  if (!first_error_ && stopped_from_outside_ && parent_->must_stop())
    parent_->wake_stopped();
  else
    parent_->wake();
}

void group_wait::destroy_objects() noexcept {
  this_thread.unwinding = cancelling_;
  while (group_object* o = newest_) {
    newest_ = o->older_;
    delete o;
  }
  this_thread.unwinding = false;
}

void group_wait::await_resume() {
  if (first_error_) std::rethrow_exception(first_error_);
}

}  // namespace rondo::detail
