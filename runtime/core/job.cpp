#include <rondo/runtime/core/job.hpp>
#include <rondo/runtime/core/probes.hpp>
#include <rondo/runtime/log.hpp>

#include <cstdlib>
#include <exception>
#include <utility>

namespace rondo::detail {

constinit thread_local thread_context this_thread;
constinit promise_base enters_always;
constinit promise_base enters_to_clean_up;

void fatal(const char* sentence) noexcept {
  log(log_level::error, "runtime", sentence);
  std::abort();
}

void await_outside_a_job() noexcept {
  if (this_thread.unwinding)
    fatal(
        "a destructor awaited something while its task was being cancelled; "
        "a cancelled task is never resumed: do asynchronous cleanup in finally()");
  fatal("co_await outside a running task: tasks are driven by rondo::run");
}

void exception_while_unwinding() noexcept {
  fatal("an exception left a destructor while a task was being destroyed");
}

// --- frames --------------------------------------------------------------------------------------

namespace {

// Past this depth of frames that own unstarted frames, the inner ones are destroyed after the outer
// ones.
constexpr std::uint32_t direct_depth = 256;

void destroy_now(std::coroutine_handle<> frame) noexcept {
  try {
    frame.destroy();
  } catch (...) {
    exception_while_unwinding();
  }
}

[[gnu::noinline]] void destroy_later(std::coroutine_handle<> frame) noexcept {
  promise_base& p = promise_of(frame);
  p.parent = this_thread.destroyed_later;
  this_thread.destroyed_later = &p;
}
[[gnu::noinline]] void destroy_what_was_left() noexcept {
  while (promise_base* p = this_thread.destroyed_later) {
    this_thread.destroyed_later = p->parent;
    p->parent = nullptr;  // nobody awaits it
    ++this_thread.destroying;
    destroy_now(frame_of(*p));
    --this_thread.destroying;
  }
}

}  // namespace

void frame_owner::destroy(std::coroutine_handle<> frame) noexcept {
  if (this_thread.destroying == direct_depth) [[unlikely]] {
    destroy_later(frame);
    return;
  }
  ++this_thread.destroying;
  destroy_now(frame);
  --this_thread.destroying;
  if (this_thread.destroying == 0 && this_thread.destroyed_later) [[unlikely]]
    destroy_what_was_left();
}

void waitable::describe(wait_visitor& v) const { v.waits_for("something"); }
void waitable::finish(job& j) noexcept { j.wake_stopped(); }

// --- job -----------------------------------------------------------------------------------------

void job::start(promise_base& root, job_owner& owner) noexcept {
  assert(state_ == state::idle && "a job is started once");
  // What begins to clean up is not revoked.
  const step first = root.parent == &enters_to_clean_up ? step::resume : step::start;
  root.parent = nullptr;
  leaf_ = &root;
  owner_ = &owner;
  make_ready(first);
}

bool suspend_without_budget(promise_base& leaf, waitable& w) noexcept {
  job& j = current_job();
  j.set_leaf(leaf);
  if (this_thread.watched_budget > 0) {
    this_thread.watcher->awaits(j, w);
    if (!w.begin(j)) return true;
    --this_thread.watched_budget;
    return false;
  }
  if (w.must_begin())
    w.begin(j);  // starts a child, whose first step comes from the ready list: it suspends
  else if (!j.stops_here())
    j.retry(w);
  return true;
}

void job::cancel() noexcept {
  if (cancel_requested_ || state_ >= state::parked) return;
  cancel_requested_ = true;
  probe::job_cancelled(this);
  if (state_ == state::waiting)
    this_thread.cancelling.deliver(*this);
  else if (state_ == state::ready && step_ != step::resume)
    step_ = step::stop;
}

// At a `stop` step of a job that may be kept: true when its frames stay for now.
bool job::rests_before_unwinding() noexcept {
  if (owner_->keeps(*this)) {
    state_ = state::parked;
    since_ = this_thread_now();
    return true;
  }
  if (!finishes_) return false;
  finishes_ = false;
  state_ = state::waiting;
  on_->finish(*this);
  return true;
}

// Innermost first, in constant stack: each frame's owner is emptied before the frame goes, so that
// the destructor of the frame outside finds nothing left to destroy. The leaf is always a frame
// that is whole.
void job::unwind() noexcept {
  assert(state_ == state::ready && step_ == step::stop && "only a stopped job is unwound");
  job* const before = std::exchange(this_thread.current, this);
  state_ = state::unwinding;
  this_thread.unwinding = true;
  while (promise_base* p = leaf_) {
    leaf_ = p->parent;
    if (p->holder) p->holder->release();
    destroy_now(frame_of(*p));
  }
  this_thread.unwinding = false;
  this_thread.current = before;
  stopped_ = true;
  state_ = state::ended;
}

void cancellations::deliver(job& j) noexcept {
  asked_.push(j);
  if (delivering_) return;
  delivering_ = true;
  while (job* next = asked_.pop()) {
    // Another cancellation may have woken it meanwhile: then it has its result, and the mark is
    // enough.
    if (next->state_ != job::state::waiting) continue;
    assert(next->on_ && next->cancel_requested_ && "what waits, and was asked to, is cancelled");
    next->on_->cancel(*next);
  }
  delivering_ = false;
}

}  // namespace rondo::detail
