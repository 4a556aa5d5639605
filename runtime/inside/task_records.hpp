// What is known of each task of a loop while it is inspected: since when it is there, its steps,
// the time that they took, where it comes from, and who used the lines that tasks wait in.
//
// A record is made at a job's first step since inspection began and goes with the job.
#pragma once

#include <rondo/runtime/core/clock.hpp>
#include <rondo/runtime/core/intrusive_list.hpp>
#include <rondo/runtime/core/job.hpp>
#include <rondo/runtime/inside/task_story.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>

namespace rondo::detail {

struct task_record : list_node {
  const job* of = nullptr;  // nullptr: a mark in the list (task_records::mark)
  std::uint64_t id = 0;
  time_point born;
  std::uint64_t steps = 0;
  nanoseconds busy{};
  job_origin origin;
  wait_end waits_at;  // while it waits
};

// A use of one end of a line.
struct line_use {
  std::uint64_t task = 0;  // 0: nobody's
  std::source_location where;
  time_point when;
};
struct line_uses {
  line_use taken;
  line_use given;
};

class task_records final : public await_watcher {
 public:
  task_records() = default;

  // Before a step. Throws std::bad_alloc.
  task_record& at(const job& j, time_point now);
  // nullptr: it has taken no step.
  const task_record* find(const job* j) const noexcept;
  void forget(const job* j) noexcept;

  // `j` waits now: where.
  void rests(task_record& r) noexcept;
  // `woken` has been woken in a step of `by`, or (nullptr) by nobody: what it waited for was given,
  // or taken. `by_goes_on`: its frames are still there.
  void woken(const job& woken, const task_record* by, bool by_goes_on, time_point now) noexcept;
  // nullptr: nobody has used it.
  const line_uses* uses_of(const void* line) const noexcept;

  std::size_t size() const noexcept { return by_job_.size(); }

  // For who lists them in slices: a mark that stands in the list and is moved on.
  void mark(task_record& m) noexcept { in_order_.push_front(m); }
  void unmark(task_record& m) noexcept { m.unlink(); }
  // The next behind the mark, which moves past it; nullptr at the end.
  const task_record* next(task_record& m) noexcept;

 private:
  void awaits(const job& j, const waitable& w) noexcept override;
  line_uses* line(const void* of) noexcept;

  std::unordered_map<const job*, std::unique_ptr<task_record>> by_job_;
  intrusive_list<task_record> in_order_;  // of their first steps; and marks
  std::unordered_map<const void*, line_uses> lines_;
  std::uint64_t last_id_ = 0;
};

}  // namespace rondo::detail
