#include <rondo/runtime/loop.hpp>
#include <rondo/testing/parts/run_watch.hpp>

namespace rondo::test::detail {

void run_watch::at_end(rondo::loop& l) noexcept {
  const loop_stats s = l.stats();
  if (s.submissions != s.completions)
    trouble_ = "operations in flight when everything had ended: " +
               std::to_string(s.submissions - s.completions);
  if (const std::size_t armed = rondo::detail::this_core().timers().size(); armed != 0) {
    if (!trouble_.empty()) trouble_ += '\n';
    trouble_ += "timers armed when everything had ended: " + std::to_string(armed);
  }
}

}  // namespace rondo::test::detail
