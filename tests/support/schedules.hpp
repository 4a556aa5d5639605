// Random schedules: a handful of actors do random things to something that they share, sleep for
// random (virtual) times, and cancel one another at random, also in the turn in which something
// else happens. A model does the same by hand and says what must come of each wait.
//
//   TEST(Schedules, Mutex) { random_schedules<mutex_model>(); }  // 500 seeds, 10,000 in a long run
//
// RONDO_TEST_SEED=17 runs that seed alone; a failure prints it. A model has
//
//   explicit mutex_model(schedule& s);
//   task<> operate(std::size_t me);       one random thing, as actor `me`
//   void cancelled(std::size_t who);      `who` is about to be cancelled for the first time
//   bool may_wait(std::size_t who);       asked when nothing can happen any more: is it right that
//                                         it waits?
//   void at_end();                        everyone has ended
//
// The model is told of each act in the step in which it happens, just before the thing itself. So
// operate() must not await a task between telling the model and the await it is about, and an actor
// must not finish 64 awaits in one step (then the next one yields first): schedule::acts stays
// small.
#pragma once

#include "support/resources.hpp"
#include "support/run_on.hpp"

#include <rondo/runtime.hpp>
#include <rondo/runtime/core/random.hpp>
#include <rondo/testing/seeds.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace rondo_test {

class schedule {
 public:
  static constexpr std::size_t acts = 9;

  explicit schedule(std::uint64_t seed)
      : random(seed), actors_(static_cast<std::size_t>(random.between(2, 7))) {
    marked_.resize(actors_);
    cancels_ = random.chance(0.8) ? 0.05 + 0.2 * random.unit() : 0;
  }

  std::size_t actors() const noexcept { return actors_; }
  // Cancellation has been asked of it: its next wait that would block stops it.
  bool marked(std::size_t who) const { return marked_.at(who); }
  std::size_t below(std::size_t n) {
    return static_cast<std::size_t>(random.between(0, static_cast<std::int64_t>(n) - 1));
  }

  // Something that takes no time, or some, and may cancel somebody, the caller included.
  rondo::task<> pause() {
    if (random.chance(cancels_)) cancel(below(actors_));
    switch (random.between(0, 3)) {
      case 0: co_await rondo::yield_now(); break;
      case 1: co_await rondo::sleep_for(std::chrono::nanoseconds(random.between(0, 3))); break;
      default: break;
    }
    if (random.chance(cancels_)) cancel(below(actors_));
  }
  void maybe_cancel_somebody() {
    if (random.chance(cancels_)) cancel(below(actors_));
  }
  void cancel(std::size_t who) {
    if (marked_.at(who)) return;
    marked_.at(who) = true;
    before_cancel(who);
    handles.at(who).cancel();
  }

  rondo::detail::random_source random;
  std::vector<rondo::join_handle<void>> handles;
  std::function<void(std::size_t)> before_cancel;

 private:
  std::size_t actors_;
  std::vector<bool> marked_;
  double cancels_ = 0;
};

template <class Model>
rondo::task<> run_schedule(std::uint64_t seed) {
  using namespace std::chrono_literals;
  schedule s(seed);
  Model model(s);
  s.before_cancel = [&](std::size_t who) {
    if (!s.handles.at(who).done()) model.cancelled(who);
  };
  const auto act = [&](std::size_t me) -> rondo::task<> {
    for (std::size_t i = 0; i < schedule::acts; ++i) {
      co_await s.pause();
      co_await model.operate(me);
      s.maybe_cancel_somebody();  // in the same turn
    }
  };
  co_await rondo::with_task_group([&](rondo::task_group& g) -> rondo::task<> {
    for (std::size_t i = 0; i < s.actors(); ++i) s.handles.push_back(g.spawn(act(i)));
    co_await rondo::sleep_for(1h);  // all that can happen has happened
    for (std::size_t i = 0; i < s.actors(); ++i)
      EXPECT_TRUE(s.handles[i].done() || model.may_wait(i))
          << "actor " << i << " waits without a reason";
    for (std::size_t i = 0; i < s.actors(); ++i) s.cancel(i);
    for (auto& h : s.handles) EXPECT_FALSE((co_await h.join()).has_error());
  });
  model.at_end();
}

template <class Model>
void random_schedules(std::uint64_t at_least = 500) {
  const std::uint64_t seeds = std::max<std::uint64_t>(at_least, long_run() ? 10'000 : 500);
  try {
    rondo::test::seeds(0, seeds, [](std::uint64_t seed) {
      simulate(run_schedule<Model>(seed));
      if (testing::Test::HasFailure()) throw rondo::test::failure("an expectation failed");
    });
  } catch (const rondo::test::failure& f) {
    ADD_FAILURE() << f.what();
  }
}

}  // namespace rondo_test
