// What watches the steps of a loop when somebody has asked for it: reports of slow steps, the
// watchdog for stalls, the records of the inspect socket. A loop that nobody watches has none.
#pragma once

#include <rondo/runtime/core/clock.hpp>
#include <rondo/runtime/core/debugging.hpp>
#include <rondo/runtime/core/job.hpp>
#include <rondo/runtime/core/shown.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace rondo::detail {

class inspected_loop;
class loop_core;
class task_records;
struct task_record;
class watched_loop;

struct step_watch_options {
  nanoseconds slow_step = nanoseconds::max();    // longer ones are reported when they end
  nanoseconds stall_limit = nanoseconds::max();  // … and while they still run
  bool inspected = false;                        // records are kept
  std::shared_ptr<void> socket;                  // let go when the loop has ended
};

class step_watch {
 public:
  // On the loop's thread. Throws std::bad_alloc, std::system_error.
  step_watch(loop_core& l, const step_watch_options& o);
  step_watch(const step_watch&) = delete;
  step_watch& operator=(const step_watch&) = delete;
  ~step_watch();

  // `j` is about to take its step; `last_ready`: the job that became ready last.
  void before(const job& j, const job* last_ready) noexcept;
  // What the job's budget is to be.
  std::uint32_t begin_awaits() noexcept;
  // After the step; the job may be gone if it does not go on. `name`: nullptr when it has none.
  void after(const job& j, bool goes_on, const std::string* name,
             const job::ready_list& ready) noexcept;

  // nullptr: it is not inspected.
  task_records* records() noexcept { return records_.get(); }
  watched_loop* watched() noexcept { return watched_.get(); }
  // Empty unless it is inspected.
  const intrusive_list<shown>& shows() const noexcept { return shows_; }

 private:
  loop_core& loop_;
  step_watch_options options_;
  std::optional<slow_step> slow_;
  std::shared_ptr<watched_loop> watched_;
  std::unique_ptr<task_records> records_;
  intrusive_list<shown> shows_;
  task_record* record_ = nullptr;  // of the job whose step it is
  const job* last_ready_ = nullptr;
  time_point begun_;
};

}  // namespace rondo::detail
