// Cancel at every wait: runs a scenario again and again and cancels it at its k-th wait, k = 0, 1,
// 2, …, until it ends before there is a k-th; once for each of three moments:
//
//   at_rest   the moment some task of the scenario has come to rest in its k-th wait
//   posted    later in that turn, by a post: the other ready tasks have had their step
//   at_wake   the moment before the k-th step of some task: what it waited for has happened (or,
//             for a first step, it has not started), and the cancellation comes in the same turn
//
// After each run the scenario has ended, with a value or cancelled; no frame, descriptor, operation
// or timer is left; and the caller's own check holds.
//
//   int made = 0, taken = 0;
//   const auto n = cancel_at_every_wait(
//       reactor_kind::simulated, [&] { made = taken = 0; return scenario(made, taken); },
//       [&] { EXPECT_EQ(made, taken); });
//   EXPECT_EQ(n.at_rest, 4U);   // exact where the scenario is deterministic
//
// `make` gives a fresh task each time, or is itself the coroutine. `check` may take the outcome<T>
// of the scenario; if it does not, a scenario that ends with an error fails the test.
#pragma once

#include "support/run_on.hpp"

#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <exception>
#include <optional>
#include <type_traits>

namespace rondo_test {

// How many times the scenario was cancelled at each moment.
struct waits_cancelled {
  std::size_t at_rest = 0;
  std::size_t posted = 0;
  std::size_t at_wake = 0;
};

enum class cancel_moment { at_rest, posted, at_wake };

constexpr const char* name_of(cancel_moment m) {
  switch (m) {
    case cancel_moment::at_rest: return "at rest in wait";
    case cancel_moment::posted: return "by a post in the turn of wait";
    case cancel_moment::at_wake: return "before step";
  }
  return "?";
}

// Counts the waits of everything but the main task, and cancels at one of them.
class canceller final : public loop_watch {
 public:
  canceller(cancel_moment m, std::size_t k) : moment_(m), k_(k) {}

  // The scenario runs in `scope`, awaited by the running job.
  void begin(rondo::cancel_scope& scope) noexcept {
    scope_ = &scope;
    driver_ = &rondo::detail::current_job();
  }
  void end() noexcept { scope_ = nullptr; }
  bool reached() const noexcept { return seen_ > k_; }

  void before_step(rondo::detail::job& j) noexcept override {
    if (moment_ == cancel_moment::at_wake) count(j);
  }
  void after_step(rondo::detail::job& j) noexcept override {
    if (moment_ != cancel_moment::at_wake) count(j);
  }

 private:
  void count(const rondo::detail::job& j) noexcept {
    if (!scope_ || &j == driver_ || seen_++ != k_) return;
    if (moment_ != cancel_moment::posted)
      scope_->cancel();
    else
      rondo::this_loop().post([this] {
        if (scope_) scope_->cancel();
      });
  }

  cancel_moment moment_;
  std::size_t k_;
  std::size_t seen_ = 0;
  rondo::cancel_scope* scope_ = nullptr;
  rondo::detail::job* driver_ = nullptr;
};

template <class Make>
auto drive(canceller& c, Make& make)
    -> rondo::task<rondo::outcome<rondo::detail::task_value_t<Make&>>> {
  rondo::cancel_scope scope;
  c.begin(scope);
  auto result = co_await scope.run(make());
  c.end();
  co_return result;
}

template <class Make, class Check>
bool cancel_once(const rondo::run_options& options, cancel_moment moment, std::size_t k, Make& make,
                 Check& check) {
  using value = rondo::detail::task_value_t<Make&>;
  SCOPED_TRACE(std::string("cancelled ") + name_of(moment) + " " + std::to_string(k));
  const resources before = resources::now();
  canceller c(moment, k);
  try {
    {
      rondo::outcome<value> result = run_with(options, c, drive(c, make));
      if constexpr (std::is_invocable_v<Check&, rondo::outcome<value>&>) {
        check(result);
      } else {
        if (result.has_error()) std::rethrow_exception(result.error());
        check();
      }
    }
  } catch (const std::exception& e) {
    ADD_FAILURE() << "the scenario ended with an error: " << e.what();
  }
  expect_same(before, "after a cancelled run");
  return c.reached();
}

template <class Make, class Check>
waits_cancelled cancel_at_every_wait(const rondo::run_options& options, Make make, Check check) {
  constexpr std::size_t more_than_any_scenario_waits = 100'000;
  waits_cancelled n;
  for (auto [moment, times] :
       {std::pair(cancel_moment::at_rest, &n.at_rest), std::pair(cancel_moment::posted, &n.posted),
        std::pair(cancel_moment::at_wake, &n.at_wake)}) {
    for (std::size_t k = 0; cancel_once(options, moment, k, make, check); ++k) {
      ++*times;
      if (testing::Test::HasFailure()) return n;  // one is enough to read
      if (k == more_than_any_scenario_waits) {
        ADD_FAILURE() << "the scenario waits without end";
        return n;
      }
    }
  }
  return n;
}
template <class Make, class Check>
waits_cancelled cancel_at_every_wait(rondo::reactor_kind kind, Make make, Check check) {
  return cancel_at_every_wait(options_for(kind), std::move(make), std::move(check));
}
template <class Make>
waits_cancelled cancel_at_every_wait(rondo::reactor_kind kind, Make make) {
  return cancel_at_every_wait(options_for(kind), std::move(make), [] {});
}

}  // namespace rondo_test
