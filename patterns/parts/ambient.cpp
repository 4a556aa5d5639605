#include <rondo/patterns/parts/ambient.hpp>
#include <rondo/runtime/core/loop_core.hpp>
#include <rondo/runtime/core/unhandled.hpp>

#include <exception>
#include <random>

namespace rondo::detail {

void report_exception() noexcept { report_unhandled(std::current_exception()); }

time_point policy_now() noexcept {
  return this_thread.running_loop ? this_thread.running_loop->now() : steady::now();
}

std::uint64_t policy_seed() noexcept {
  constexpr std::uint64_t repeatable = 0x52'4f'4e'44'4f;
  if (this_thread.running_loop && this_thread.running_loop->simulated()) return repeatable;
  try {
    std::random_device entropy;
    return (std::uint64_t{entropy()} << 32) | entropy();
  } catch (...) {  // no source of entropy: the clock differs between machines, at least
    return static_cast<std::uint64_t>(steady::now().time_since_epoch().count());
  }
}

}  // namespace rondo::detail
