#include <rondo/runtime/core/loop_core.hpp>
#include <rondo/runtime/core/places.hpp>
#include <rondo/runtime/inside/task_records.hpp>

#include <new>

namespace rondo::detail {
namespace {

// A line's memory comes and goes unseen, so what was noted of lines is dropped now and then.
constexpr std::size_t most_lines_noted = 65'536;

std::source_location place_of(const job& j) noexcept {
  const promise_base* p = own_frame(j);
  return p ? p->awaiting : std::source_location();
}

}  // namespace

task_record& task_records::at(const job& j, time_point now) {
  if (const auto found = by_job_.find(&j); found != by_job_.end()) return *found->second;
  auto made = std::make_unique<task_record>();
  made->of = &j;
  made->born = now;
  made->origin = origin_of(j);
  task_record& r = *by_job_.emplace(&j, std::move(made)).first->second;
  r.id = ++last_id_;
  in_order_.push_back(r);
  return r;
}

const task_record* task_records::find(const job* j) const noexcept {
  const auto found = by_job_.find(j);
  return found == by_job_.end() ? nullptr : found->second.get();
}

void task_records::forget(const job* j) noexcept {
  const auto found = by_job_.find(j);
  if (found == by_job_.end()) return;
  found->second->unlink();
  by_job_.erase(found);
}

const task_record* task_records::next(task_record& m) noexcept {
  for (;;) {
    task_record* const after = in_order_.after(m);
    if (!after) return nullptr;
    m.unlink();
    in_order_.insert_after(*after, m);
    if (after->of) return after;
  }
}

void task_records::rests(task_record& r) noexcept {
  const waitable* const on = r.of->waiting_on();
  r.waits_at = on ? on->end() : wait_end();
}

void task_records::awaits(const job& j, const waitable& w) noexcept {
  const wait_end end = w.end();
  if (!end.of) return;
  const task_record* const r = find(&j);
  if (line_uses* const l = line(end.of))
    (end.gives ? l->given : l->taken) = {r ? r->id : 0, place_of(j), this_core().now()};
}

void task_records::woken(const job& woken, const task_record* by, bool by_goes_on,
                         time_point now) noexcept {
  const auto found = by_job_.find(&woken);
  if (found == by_job_.end() || !found->second->waits_at.of || woken.stopping()) return;
  const wait_end end = std::exchange(found->second->waits_at, {});
  if (line_uses* const l = line(end.of))
    (end.gives ? l->taken : l->given) = {
        by ? by->id : 0, by && by_goes_on ? place_of(*by->of) : std::source_location(), now};
}

line_uses* task_records::line(const void* of) noexcept {
  try {
    if (lines_.size() == most_lines_noted && !lines_.contains(of)) lines_.clear();
    return &lines_[of];
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

const line_uses* task_records::uses_of(const void* line) const noexcept {
  const auto found = lines_.find(line);
  return found == lines_.end() ? nullptr : &found->second;
}

}  // namespace rondo::detail
