// Tasks that belong to the loop itself and serve several others: a shared lookup, the timers of a
// pool. When the main task has ended they are cancelled, and the run ends when they have.
#pragma once

#include <rondo/runtime/core/child.hpp>
#include <rondo/runtime/core/intrusive_list.hpp>
#include <rondo/runtime/task.hpp>

namespace rondo::detail {

class service_record final : public pooled, public list_node, public job_owner, public child<void> {
 public:
  using child::child;

 private:
  void on_end(job& j) noexcept override;
};

class services {
 public:
  // What the task throws goes to on_unhandled. Throws std::bad_alloc.
  void run(task<> t);
  bool empty() const noexcept { return running_.empty(); }
  void cancel() noexcept {
    running_.for_each([](service_record& s) { s.cancel(); });
  }
  // Calls fn(const job&) for each.
  template <class Fn>
  void for_each(Fn fn) const {
    running_.for_each(fn);
  }

 private:
  intrusive_list<service_record> running_;
};

}  // namespace rondo::detail
