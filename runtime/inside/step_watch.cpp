#include <rondo/runtime/core/loop_core.hpp>
#include <rondo/runtime/inside/stall_watch.hpp>
#include <rondo/runtime/inside/step_watch.hpp>
#include <rondo/runtime/inside/task_records.hpp>
#include <rondo/runtime/inside/watched_loop.hpp>

#include <new>

namespace rondo::detail {

step_watch::step_watch(loop_core& l, const step_watch_options& o) : loop_(l), options_(o) {
  if (o.inspected) {
    records_ = std::make_unique<task_records>();
    l.show_in(&shows_);
  }
  if (!o.inspected && o.stall_limit == nanoseconds::max()) return;
  watched_ = std::make_shared<watched_loop>(l.id(), l.io().name(), l.mailbox());
  add_watched_loop(watched_);
  if (o.stall_limit != nanoseconds::max()) watch_stalls(watched_, o.stall_limit);
}

step_watch::~step_watch() {
  this_thread.watcher = nullptr;
  loop_.show_in(nullptr);
  while (shows_.pop_front()) {
  }
  if (!watched_) return;
  unwatch_stalls(*watched_);
  remove_watched_loop(*watched_);
  watched_->end();
}

void step_watch::before(const job& j, const job* last_ready) noexcept {
  last_ready_ = last_ready;
  if (options_.slow_step != nanoseconds::max()) slow_.emplace(j);
  begun_ = steady::now();
  if (records_) {
    try {
      record_ = &records_->at(j, loop_.now());
    } catch (const std::bad_alloc&) {
      record_ = nullptr;
    }
  }
  if (watched_) {
    watched_->story().tell(j, loop_.name_of(j));
    watched_->begin_step(begun_);
  }
}

std::uint32_t step_watch::begin_awaits() noexcept {
  if (!records_) return await_budget;
  this_thread.watcher = records_.get();
  this_thread.watched_budget = await_budget;
  return 0;
}

void step_watch::after(const job& j, bool goes_on, const std::string* name,
                       const job::ready_list& ready) noexcept {
  this_thread.watched_budget = 0;
  const nanoseconds took = steady::now() - begun_;
  if (watched_) {
    nanoseconds since{};
    const std::uint64_t step = took > options_.stall_limit ? watched_->running_step(since) : 0;
    watched_->end_step();
    if (step != 0) stall_ended(*watched_, step, took);
  }
  if (records_) {
    ready.for_each_after(last_ready_, [&](const job& woken) {
      if (&woken != &j) records_->woken(woken, record_, goes_on, loop_.now());
    });
    if (record_) {
      ++record_->steps;
      record_->busy += took;
      if (goes_on)
        records_->rests(*record_);
      else
        records_->forget(&j);
      record_ = nullptr;
    }
  }
  if (took > options_.slow_step) slow_->report(took, goes_on ? &j : nullptr, name);
}

}  // namespace rondo::detail
