#include <rondo/runtime/core/job_names.hpp>
#include <rondo/runtime/core/probes.hpp>
#include <rondo/runtime/core/thread_patience.hpp>
#include <rondo/runtime/inside/step_watch.hpp>
#include <rondo/runtime/inspect.hpp>
#include <rondo/runtime/log.hpp>
#include <rondo/runtime/loop.hpp>

#include <string>
#include <utility>

namespace rondo {

namespace {

// Jobs run between two looks at the outside: enough to make a look cheap, few enough to keep
// latency flat.
constexpr int jobs_a_turn = 61;

}  // namespace

[[gnu::always_inline]] inline bool loop::step(detail::job& j, std::uint32_t budget) noexcept {
  using step = detail::job::step;
  ++steps_;
  if (observers_.any()) [[unlikely]]
    step_begins(j);
  detail::probe::step_begins(&j);
  detail::this_thread.current = &j;
  if (j.step_ == step::stop) {
    if (!j.may_be_kept() || !j.rests_before_unwinding()) j.unwind();
  } else {
    detail::this_thread.budget = budget;
    j.state_ = detail::job::state::running;
    if (j.step_ != step::begin || j.on_->begin(j)) frame_of(*j.leaf_).resume();
    detail::this_thread.budget = 0;
  }
  const bool goes_on = !j.ended();
  detail::probe::step_ends(&j, goes_on);
  if (!goes_on) {
    if (j.named_) [[unlikely]]
      last_step_was(j);
    j.owner_->on_end(j);
  } else if (observers_.any()) [[unlikely]] {
    observers_.tell(&detail::loop_observer::after_step, j);
  }
  detail::this_thread.current = nullptr;
  return goes_on;
}

template <bool embedded>
void loop::turn(const bool& ended, detail::time_point over) noexcept {
  ++turns_;
  detail::probe::turn_begins(id(), turns_);
  const bool was_ended = ended;
  for (int n = jobs_a_turn; n > 0 && !ready_.empty(); --n) {
    detail::job& next = *ready_.pop();
    __builtin_prefetch(ready_.front());  // among many, it is not in the cache
    if (!watch_) [[likely]]
      step(next, detail::await_budget);
    else
      watched_step(next);
    if (embedded && detail::steady::now() >= over) break;
  }
  if (ended) {
    // run_until asks the services to end, and then those that another began at its end: no sleep
    // before.
    if (services_.empty() || !was_ended) return;
    services_.cancel();
  }
  clock_read_ = false;

  if (!mailbox_->empty()) mailbox_->run_all();

  if (!timers_.empty()) {
    read_clock();
    timers_.stamp(now_);
    timers_.fire_due(now_);
  }

  tell_before_wait();
  // What fired may have armed others, which count from the next reading.
  if (!ready_.empty() || timers_.unstamped()) {
    reactor_->wait(detail::time_point::min());
  } else {
    const bool sleep = mailbox_->fall_asleep() && waits_for_idle_.empty();
    const detail::time_point until = embedded ? detail::reactor::look_once : timers_.next();
    if (!reactor_->wait(sleep ? until : detail::time_point::min())) stuck_ = true;
    mailbox_->wake_up();
    read_clock();
  }
  take_completions();
  tell_after_wait();
  if (!waits_for_idle_.empty()) [[unlikely]]
    wake_if_idle();
}

void loop::embedded_turn(const bool& ended, detail::time_point over) noexcept {
  turn<true>(ended, over);
}

bool loop::rests() noexcept {
  return ready_.empty() && !timers_.unstamped() && waits_for_idle_.empty() &&
         mailbox_->fall_asleep() && reactor_->leave_to_poll();
}

// Marked, so that those who saw it begin hear of its end.
void loop::step_begins(detail::job& j) noexcept {
  j.named_ = true;
  observers_.tell(&detail::loop_observer::before_step, j);
}

void loop::last_step_was(detail::job& j) noexcept {
  observers_.tell(&detail::loop_observer::after_last_step, j);
  if (names_) last_name_ = names_->forget(j);
}

void loop::take_completions() noexcept {
  while (detail::operation* op = completed_.pop()) op->completed(*op);
}

// The reactor has just been asked, without sleeping.
void loop::wake_if_idle() noexcept {
  if (!ready_.empty() || !mailbox_->empty() || timers_.unstamped() || timers_.next() <= now_)
    return;
  while (detail::line_wait* w = waits_for_idle_.pop_front()) w->wake();
}

void loop::watched_step(detail::job& j) noexcept {
  last_name_.clear();
  watch_->before(j, ready_.back());
  const bool goes_on = step(j, watch_->begin_awaits());
  watch_->after(j, goes_on, goes_on ? name_of(j) : &last_name_, ready_);
}

void loop::run_until(const bool& ended, detail::job& main, detail::thread_patience& patience) {
  main_ = &main;
  detail::probe::loop_begins(id(), reactor_->name());
  while (!ended || !services_.empty()) {
    if (ended) {
      services_.cancel();
      patience.end_is_due();
    }
    turn<false>(ended);
    if (!stuck_) continue;
    // The simulation says that nothing can ever happen again. Take everything apart, once.
    stuck_ = false;
    stuck_tasks_ = task_tree();
    if (std::exchange(deadlocked_, true)) {
      detail::log(log_level::error, "runtime", "what still waits:\n" + stuck_tasks_);
      detail::fatal(
          "nothing can ever happen again, and a shielded task still waits for something, or a "
          "cleanup does, perhaps for what the body of a task group holds until its children end");
    }
    main.cancel();
    services_.cancel();
  }
  while (!calls_.empty()) calls_.front().cancel();
  patience.ended();
  observers_.tell(&detail::loop_observer::at_end, *this);
  detail::probe::loop_ends(id(), turns_, steps_);
}

// What the destructors of the main task's arguments have called for is not to come either.
loop::~loop() {
  while (!calls_.empty()) calls_.front().cancel();
}

loop_stats loop::stats() const noexcept {
  const detail::reactor_counts& c = reactor_->counts();
  return {turns_,      steps_,      c.system_calls, c.submitted,
          c.completed, c.overflows, c.rearms,       mailbox_->wakes()};
}

}  // namespace rondo
