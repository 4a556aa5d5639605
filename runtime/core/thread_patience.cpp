#include <rondo/runtime/core/loop_core.hpp>
#include <rondo/runtime/core/thread_patience.hpp>
#include <rondo/runtime/inspect.hpp>

#include <cstdio>
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
  if (awaited == 0) return;
  try {
    const std::string text = "rondo: the run cannot end before " + std::to_string(awaited) +
                             " call(s) in threads have returned:\n" + task_tree();
    std::fwrite(text.data(), 1, text.size(), stderr);
  } catch (const std::bad_alloc&) {
    std::fputs("rondo: the run cannot end before calls in threads have returned\n", stderr);
  }
}

}  // namespace rondo::detail
