#include <rondo/patterns/parts/ambient.hpp>
#include <rondo/runtime/loop.hpp>

#include <cstdio>
#include <exception>
#include <random>

namespace rondo::detail {

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

void report_exception() noexcept {
  if (this_thread.running_loop) {
    this_thread.running_loop->unhandled(std::current_exception());
    return;
  }
  try {
    throw;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "rondo: an exception that nobody awaits: %s\n", e.what());
  } catch (...) {
    std::fprintf(stderr, "rondo: an exception that nobody awaits, not a std::exception\n");
  }
}

}  // namespace rondo::detail
