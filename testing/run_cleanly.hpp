// run_cleanly: run(), and then nothing may be left.
//
//   const int n = test::run_cleanly(run_options().simulation(world), count_lines, path);
//
// When the run is over, no operation may be in flight and no timer armed, and coroutine frames and
// descriptors must be as many as before.
#pragma once

#include <rondo/runtime/run.hpp>
#include <rondo/testing/accounts.hpp>
#include <rondo/testing/failure.hpp>
#include <rondo/testing/parts/run_watch.hpp>

#include <type_traits>
#include <utility>

namespace rondo::test {

// Takes a callable with arguments, as run(options, fn, args…) does, gives what it gives and throws
// what it throws; a failure that says what is left when it ended without an exception. No task that
// was made before: its frame would stand in the account from which the run begins.
template <class Fn, class... Args>
  requires rondo::detail::async_callable<Fn, Args...>
rondo::detail::called_t<Fn, Args...> run_cleanly(const run_options& options, Fn&& fn,
                                                 Args&&... args) {
  const accounts before = accounts::now();
  detail::plain_run_watch watch;
  const auto run_watched = [&] {
    return run(options,
               detail::watched(watch, rondo::detail::to_task(std::forward<Fn>(fn),
                                                             std::forward<Args>(args)...)));
  };
  const auto look = [&] {
    if (!watch.trouble().empty()) throw failure("after the run: " + watch.trouble());
    before.expect_unchanged("after the run");
  };
  if constexpr (std::is_void_v<rondo::detail::called_t<Fn, Args...>>) {
    run_watched();
    look();
  } else {
    auto result = run_watched();
    look();
    return result;
  }
}

}  // namespace rondo::test
