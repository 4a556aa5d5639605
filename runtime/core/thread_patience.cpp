#include <rondo/runtime/core/loop_core.hpp>
#include <rondo/runtime/core/thread_patience.hpp>
#include <rondo/runtime/inspect.hpp>
#include <rondo/runtime/log.hpp>

#include <new>
#include <string>
#include <utility>

namespace rondo::detail {

void thread_patience::end_is_due() noexcept {
  if (this_core().threads().awaited() == 0 || limit_ == nanoseconds::max()) return;
  this_core().timers().arm(*this, std::exchange(limit_, nanoseconds::max()));
}

void thread_patience::ended() noexcept { this_core().timers().disarm(*this); }

void thread_patience::ran_out(timer&) noexcept {
  const std::size_t awaited = this_core().threads().awaited();
  if (awaited == 0 || !is_logged(log_level::warning)) return;
  try {
    const std::string calls = std::to_string(awaited);
    std::string text =
        "the run cannot end before " + calls + " call(s) in threads have returned:\n" + task_tree();
    text.pop_back();
    log(log_level::warning, "runtime", text, {{"calls", calls}});
  } catch (const std::bad_alloc&) {
    log(log_level::warning, "runtime", "the run cannot end before calls in threads have returned");
  }
}

}  // namespace rondo::detail
