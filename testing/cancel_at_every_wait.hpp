// Cancel at every wait: runs a scenario again and again and cancels it at its k-th wait, k = 0, 1,
// 2, …, until it ends before there is a k-th; once for each of three moments:
//
//   at_rest   the moment some task of the scenario has come to rest in its k-th wait
//   posted    later in that turn, by a post: the other ready tasks have had their step
//   at_wake   the moment before the k-th step of some task: what it waited for has happened (or,
//             for a first step, it has not started), and the cancellation comes in the same turn
//
// After each run the scenario has ended, with a value or cancelled; coroutine frames, descriptors
// and, where they are counted, allocations are what they were; no operation is in flight and no
// timer armed; and what you check holds.
//
//   int put = 0, taken = 0;
//   test::cancel_at_every_wait(
//       [&]() -> task<> { put = taken = 0; co_await scenario(put, taken); },
//       [&] { test::expect(put == taken, "what was put has been taken"); });
//
// While it runs, frames that have gone are not used again, and what still points into them ends the
// program (frame_quarantine.hpp); so does an assertion; then the wait is named on stderr.
#pragma once

#include <rondo/runtime/outcome.hpp>
#include <rondo/runtime/run.hpp>
#include <rondo/runtime/scope.hpp>
#include <rondo/testing/failure.hpp>
#include <rondo/testing/parts/canceller.hpp>

#include <concepts>
#include <cstddef>
#include <exception>
#include <type_traits>
#include <utility>

namespace rondo::test {

// How many times the scenario was cancelled at each moment.
struct waits_cancelled {
  std::size_t at_rest = 0;
  std::size_t posted = 0;
  std::size_t at_wake = 0;
};

namespace detail {

template <class Make>
auto drive(canceller& c, Make& make) -> task<outcome<rondo::detail::task_value_t<Make&>>> {
  cancel_scope scope;
  c.begin(scope);
  auto result = co_await scope.run(make());
  c.end();
  co_return result;
}

// A check that takes the outcome sees it; before any other, an error is thrown.
template <class Result, class Check>
void judge(Result& result, Check& check) {
  if constexpr (std::is_invocable_v<Check&, Result&>) {
    check(result);
  } else {
    if (result.has_error()) std::rethrow_exception(result.error());
    check();
  }
}

// One run, cancelled as `c` says, and the check.
template <class Make, class Check>
void drive_and_check(const run_options& options, canceller& c, Make& make, Check& check) {
  outcome<rondo::detail::task_value_t<Make&>> result = run(watched(c, drive(c, make)), options);
  judge(result, check);
}

}  // namespace detail

// On a reactor of your choice. `make` gives a fresh task each time, or is itself the coroutine; it
// must do the same each time until it is cancelled. `check` is called after each run, and throws
// when something is not as it should be (failure.hpp). It may take the outcome<T>& of the scenario;
// if it does not, a scenario that ends with an error fails. On epoll and io_uring the kernel
// decides how many waits there are, so what comes back may differ from time to time.
//
// Throws a failure that names the moment and the wait and quotes what is wrong, at the first of
// them; also when the scenario waits more than 100,000 times. Not inside a running loop.
template <class Make, class Check>
  requires std::invocable<Make&>
waits_cancelled cancel_at_every_wait(const run_options& options, Make make, Check check) {
  waits_cancelled n;
  for (auto [moment, times] :
       {std::pair(cancel_moment::at_rest, &n.at_rest), std::pair(cancel_moment::posted, &n.posted),
        std::pair(cancel_moment::at_wake, &n.at_wake)}) {
    const auto once = [&](detail::canceller& c) {
      detail::drive_and_check(options, c, make, check);
    };
    while (detail::cancel_once(moment, *times, once)) ++*times;
  }
  return n;
}
template <class Make>
  requires std::invocable<Make&>
waits_cancelled cancel_at_every_wait(const run_options& options, Make make) {
  return cancel_at_every_wait(options, std::move(make), [] {});
}
// In the simulation, where an exception that nobody awaits is a failure too.
template <class Make, class Check>
  requires std::invocable<Make&>
waits_cancelled cancel_at_every_wait(Make make, Check check) {
  std::exception_ptr unawaited;
  return cancel_at_every_wait(
      run_options().reactor(reactor_kind::simulated).on_unhandled([&](const std::exception_ptr& e) {
        unawaited = e;
      }),
      std::move(make), [&](auto& result) {
        if (unawaited) std::rethrow_exception(std::exchange(unawaited, nullptr));
        detail::judge(result, check);
      });
}
template <class Make>
  requires std::invocable<Make&>
waits_cancelled cancel_at_every_wait(Make make) {
  return cancel_at_every_wait(std::move(make), [] {});
}

}  // namespace rondo::test
