// Running a task in a test, on a reactor of choice, with a look at what it leaves behind.
//
//   TEST(Sleep, EndsInItsNanosecond) {
//     simulate([]() -> task<> {
//       …
//       co_await sleep_for(3ns);
//       EXPECT_EQ(…);  // ASSERT_… returns, which a coroutine cannot: co_return after a check
//     });
//   }
//
// When the run is over, no operation may be in flight, no timer armed, and no frame alive. An
// exception that nobody awaits fails the test, unless the options say where it goes.
#pragma once

#include "support/resources.hpp"

#include <rondo/runtime.hpp>

#include <string>
#include <type_traits>
#include <utility>

namespace rondo_test {

std::string name_of(rondo::reactor_kind kind);

// Why the reactor cannot be had on this machine; empty when it can.
std::string missing(rondo::reactor_kind kind);

// The reactor, and a test failure for every exception that nobody awaits.
rondo::run_options options_for(rondo::reactor_kind kind);

// Looks at a loop when everything in it has ended.
class loop_watch : public rondo::detail::loop_observer {
 public:
  loop_watch() = default;
  loop_watch(const loop_watch&) = delete;
  loop_watch& operator=(const loop_watch&) = delete;
  virtual ~loop_watch() = default;
  void at_end(rondo::loop& l) noexcept override;
};

template <class T>
rondo::task<T> watched(loop_watch& watch, rondo::task<T> t) {
  rondo::detail::this_core().observe(watch);
  co_return co_await std::move(t);
}

// Runs a task, or a callable that makes one, and returns its value or throws what it threw.
template <class... X>
auto run_with(const rondo::run_options& options, loop_watch& watch, X&&... x) {
  return rondo::run(watched(watch, rondo::detail::to_task(std::forward<X>(x)...)), options);
}
template <class... X>
auto run_on(rondo::reactor_kind kind, X&&... x) {
  loop_watch watch;
  return run_with(options_for(kind), watch, std::forward<X>(x)...);
}
template <class... X>
auto simulate(X&&... x) {
  return run_on(rondo::reactor_kind::simulated, std::forward<X>(x)...);
}
// The same with options of one's own, which name the reactor.
template <class... X>
auto run_as(const rondo::run_options& options, X&&... x) {
  loop_watch watch;
  return run_with(options, watch, std::forward<X>(x)...);
}

}  // namespace rondo_test
