// Cancel at every pair of waits: runs two tasks against each other again and again, and cancels the
// one at its k-th wait and the other at its j-th, for all k and j, each at one of the three moments
// of cancel_at_every_wait.hpp; also before its first step, and not at all.
//
//   struct put_and_get {
//     queue<int> q{1};
//     int put = 0, got = 0;
//     task<> one() { for (int i = 0; i < 3; ++i) { co_await q.put(i); ++put; } }
//     task<> other() { for (int i = 0; i < 3; ++i) { (void)co_await q.get(); ++got; } }
//     void check() { EXPECT_EQ(put, got + static_cast<int>(q.size())); }
//   };
//   const auto n = cancel_pairs<put_and_get>();
//   EXPECT_EQ(n.one, 2U);     // the waits at which `one` was cancelled
//
// A scenario is made afresh for every run. What it may have besides:
//
//   task<> bystander();   runs beside them and is not cancelled
//   void at_rest();       called when nothing can happen any more, before what still waits is
//                         cancelled
//
// check() is called when all have ended. A task that throws fails the test.
#pragma once

#include "support/cancel_at_every_wait.hpp"
#include "support/run_on.hpp"

#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <exception>
#include <limits>
#include <optional>
#include <string>

namespace rondo_test {

struct pairs_cancelled {
  std::size_t one = 0;    // the greatest k that was reached
  std::size_t other = 0;  // and j
  std::size_t runs = 0;
};

// Which wait of a side is cancelled, and when.
struct cancelled_wait {
  static constexpr std::size_t before_it_starts = 0;  // 1 is the first wait
  static constexpr std::size_t never = std::numeric_limits<std::size_t>::max();

  std::size_t number = never;
  cancel_moment moment = cancel_moment::at_rest;

  std::string text() const {
    if (number == never) return "not cancelled";
    if (number == before_it_starts) return "cancelled before it starts";
    return std::string("cancelled ") + name_of(moment) + " " + std::to_string(number);
  }
};

class pair_canceller final : public loop_watch {
 public:
  pair_canceller(cancelled_wait one, cancelled_wait other) {
    sides_[0].at = one;
    sides_[1].at = other;
  }

  // The running job is side `i`.
  void begins(std::size_t i) noexcept { sides_.at(i).job = &rondo::detail::current_job(); }
  void can_be_cancelled(std::size_t i, rondo::join_handle<void>& h) noexcept {
    sides_.at(i).handle = &h;
    if (sides_.at(i).at.number == cancelled_wait::before_it_starts) h.cancel();
  }
  void end() noexcept { sides_[0].handle = sides_[1].handle = nullptr; }
  bool reached(std::size_t i) const noexcept {
    const side& s = sides_.at(i);
    return s.at.number == cancelled_wait::never || s.waits >= s.at.number;
  }

  void before_step(rondo::detail::job& j) noexcept override { count(j, true); }
  void after_step(rondo::detail::job& j) noexcept override { count(j, false); }

 private:
  struct side {
    cancelled_wait at;
    std::size_t waits = 0;
    rondo::detail::job* job = nullptr;
    rondo::join_handle<void>* handle = nullptr;
  };

  void count(const rondo::detail::job& j, bool wake) noexcept {
    for (side& s : sides_) {
      if (s.job != &j || !s.handle || wake != (s.at.moment == cancel_moment::at_wake)) continue;
      if (++s.waits != s.at.number) continue;
      if (s.at.moment != cancel_moment::posted)
        s.handle->cancel();
      else
        rondo::this_loop().post([&s] {
          if (s.handle) s.handle->cancel();
        });
    }
  }

  std::array<side, 2> sides_;
};

template <class Scenario>
rondo::task<> drive_pair(pair_canceller& c) {
  using namespace std::chrono_literals;
  Scenario s;
  co_await rondo::with_task_group([&](rondo::task_group& g) -> rondo::task<> {
    auto one = g.spawn([&]() -> rondo::task<> {
      c.begins(0);
      co_await s.one();
    });
    auto other = g.spawn([&]() -> rondo::task<> {
      c.begins(1);
      co_await s.other();
    });
    if constexpr (requires { s.bystander(); }) g.spawn(s.bystander());
    c.can_be_cancelled(0, one);
    c.can_be_cancelled(1, other);
    co_await rondo::sleep_for(1h);
    c.end();
    if constexpr (requires { s.at_rest(); }) s.at_rest();
    g.cancel();
  });
  s.check();
}

template <class Scenario>
pairs_cancelled cancel_pairs() {
  constexpr std::size_t never = cancelled_wait::never;
  constexpr std::array moments = {cancel_moment::at_rest, cancel_moment::posted,
                                  cancel_moment::at_wake};
  pairs_cancelled n;
  for (const cancel_moment moment_of_one : moments)
    for (const cancel_moment moment_of_other : moments)
      for (std::size_t k = never, k_reached = 1; k_reached;
           ++k) {  // never, before it starts, 1, 2, …
        k_reached = 0;
        for (std::size_t j = never, j_reached = 1; j_reached; ++j) {
          const cancelled_wait one{k, moment_of_one};
          const cancelled_wait other{j, moment_of_other};
          SCOPED_TRACE("one " + one.text() + ", other " + other.text());
          pair_canceller c(one, other);
          const resources before = resources::now();
          try {
            run_with(options_for(rondo::reactor_kind::simulated), c, drive_pair<Scenario>(c));
          } catch (const std::exception& e) {
            ADD_FAILURE() << "a task ended with an error: " << e.what();
          }
          expect_same(before, "after a run");
          ++n.runs;
          if (testing::Test::HasFailure()) return n;  // one is enough to read
          j_reached = c.reached(1);
          k_reached |= static_cast<std::size_t>(c.reached(0));
          if (j_reached && j != never) n.other = std::max(n.other, j);
        }
        if (k_reached && k != never) n.one = std::max(n.one, k);
      }
  return n;
}

}  // namespace rondo_test
