// What the destructors of a task may ask about it, while it is cancelled, when it has ended, and
// where there is no task at all.

#include "support/run_on.hpp"

#include <rondo/patterns.hpp>
#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <optional>
#include <source_location>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace ending_test {
namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::options_for;
using rondo_test::run_as;
using rondo_test::simulate;

// Calls its function when it is destroyed. May be moved.
template <class Fn>
class at_end {
 public:
  explicit at_end(Fn fn) : fn_(std::move(fn)) {}
  at_end(at_end&& other) noexcept : fn_(std::exchange(other.fn_, std::nullopt)) {}
  at_end& operator=(at_end&&) = delete;
  ~at_end() {
    if (fn_) (*fn_)();
  }

 private:
  std::optional<Fn> fn_;
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

using request = task_local<std::string>;

// What get() gave, and how often it was asked.
struct seen {
  std::vector<std::string> values;
  auto look(const request& r) {
    return [this, &r] {
      const std::string* v = r.get();
      values.push_back(v ? *v : "none");
    };
  }
};
using list = std::vector<std::string>;

task<> sleeps(auto) { co_await sleep_for(1h); }
task<> returns(auto) { co_return; }
task<> throws(auto) {
  throw std::runtime_error("x");
  co_return;
}

// --- task_local ----------------------------------------------------------------------------------

TEST(TaskLocalAtTheEnd, IsSeenByDestructorsOfACancelledTask) {
  seen s;
  simulate([&]() -> task<> {
    const request r;
    auto inner = [&]() -> task<> {
      const at_end b(s.look(r));
      co_await sleep_for(1h);
    };
    auto outer = [&]() -> task<> {
      const at_end a(s.look(r));
      co_await inner();
    };
    co_await r.with("first", [&]() -> task<> {
      EXPECT_FALSE(co_await try_for(1s, r.with("second", outer)));
      EXPECT_FALSE(co_await try_for(1s, inner));
    });
    EXPECT_EQ(r.get(), nullptr);
  });
  EXPECT_EQ(s.values, (list{"second", "second", "first"}));
}

TEST(TaskLocalAtTheEnd, IsSeenByArgumentsHoweverTheTaskEnds) {
  seen s;
  simulate([&]() -> task<> {
    const request r;
    co_await r.with("returned", returns(at_end(s.look(r))));
    EXPECT_TRUE((co_await as_result(r.with("threw", throws(at_end(s.look(r)))))).has_error());
    EXPECT_FALSE(co_await try_for(1s, r.with("cancelled", sleeps(at_end(s.look(r))))));
  });
  EXPECT_EQ(s.values, (list{"returned", "threw", "cancelled"}));
}

TEST(TaskLocalAtTheEnd, IsSeenByTheCallableAndItsArguments) {
  seen s;
  simulate([&]() -> task<> {
    const request r;
    co_await r.with("callable", [keep = at_end(s.look(r))]() -> task<> { co_return; });
    co_await r.with("group", with_task_group([&](task_group& g) -> task<> {
                      g.spawn([](auto) -> task<> { co_return; }, at_end(s.look(r)));
                      g.spawn(returns(at_end(s.look(r))));
                      g.spawn(sleeps(at_end(s.look(r))));
                      co_await sleep_for(1s);
                      g.cancel();
                    }));
    co_await r.with("gather", gather(returns(at_end(s.look(r))), returns(at_end(s.look(r)))));
  });
  EXPECT_EQ(s.values, (list{"callable", "group", "group", "group", "gather", "gather"}));
}

TEST(TaskLocalAtTheEnd, IsSeenByArgumentsThatAreDestroyedUnrun) {
  seen s;
  simulate([&]() -> task<> {
    const request r;
    co_await r.with("child", with_task_group([&](task_group& g) -> task<> {
                      g.spawn(returns(at_end(s.look(r))));
                      g.cancel();
                      g.spawn(returns(at_end(s.look(r))));
                      co_return;
                    }));
    co_await r.with("skipped", [&]() -> task<> {
      EXPECT_FALSE(co_await try_for(0s, returns(at_end(s.look(r)))));
      cancel_scope scope;
      scope.cancel();
      EXPECT_TRUE((co_await scope.run(returns(at_end(s.look(r))))).is_cancelled());
    });
  });
  EXPECT_EQ(s.values, (list{"child", "child", "skipped", "skipped"}));
}

TEST(TaskLocalAtTheEnd, IsSeenByTheHandlerOfWhatNobodyAwaits) {
  seen s;
  const request r;
  const auto look = s.look(r);
  run_as(
      options_for(reactor_kind::simulated).on_unhandled([&](const std::exception_ptr&) { look(); }),
      [&]() -> task<> {
        co_await r.with("outside", [&]() -> task<> {
          try {
            event go;
            const auto fails = [&]() -> task<> {
              co_await go.wait();
              throw std::runtime_error("x");
            };
            co_await with_task_group([&](task_group& g) -> task<> {
              g.spawn(fails);
              g.spawn(fails);  // woken too: its exception is the second
              co_await yield_now();
              go.set();
            });
          } catch (const std::runtime_error&) {
          }
        });
        this_loop().post([] { throw std::runtime_error("x"); });
        co_await sleep_for(1s);
      });
  EXPECT_EQ(s.values, (list{"outside", "none"}));
}

TEST(TaskLocalAtTheEnd, IsNothingWhereThereIsNoTask) {
  const request r;
  EXPECT_EQ(r.get(), nullptr);
  std::thread([&] { EXPECT_EQ(r.get(), nullptr); }).join();
  seen s;
  simulate([&]() -> task<> {
    co_await r.with("here", [&]() -> task<> {
      this_loop().post([look = s.look(r)]() mutable { look(); });
      this_loop().call_later(1s, s.look(r));
      this_loop().call_later(1h, [keep = at_end(s.look(r))] {});  // destroyed unrun
      co_await sleep_for(2s);
    });
  });
  EXPECT_EQ(s.values, (list{"none", "none", "none"}));
}

// --- remaining_time and set_task_name ------------------------------------------------------------

TEST(RemainingTimeAtTheEnd, IsKnownToDestructorsOfACancelledTask) {
  std::vector<std::optional<std::chrono::nanoseconds>> left;
  const auto look = [&] { left.push_back(remaining_time()); };
  simulate([&]() -> task<> {
    co_await timeout(10s, [&]() -> task<> {
      cancel_scope s;
      co_await with_task_group([&](task_group& g) -> task<> {
        g.spawn(s.run(sleeps(at_end(look))));
        co_await sleep_for(3s);
        s.cancel();
      });
      EXPECT_FALSE(co_await try_for(1s, sleeps(at_end(look))));  // its own has passed
    });
    cancel_scope s;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(s.run(sleeps(at_end(look))));
      co_await sleep_for(1s);
      s.cancel();
    });
  });
  EXPECT_EQ(left, (decltype(left){7s, 0s, std::nullopt}));
}

TEST(RemainingTimeAtTheEnd, IsNothingWhereThereIsNoTask) {
  EXPECT_EQ(remaining_time(), std::nullopt);
  simulate([]() -> task<> {
    co_await timeout(10s, []() -> task<> {
      this_loop().post([] { EXPECT_EQ(remaining_time(), std::nullopt); });
      this_loop().call_later(1s, [] { EXPECT_EQ(remaining_time(), std::nullopt); });
      co_await sleep_for(2s);
    });
  });
}

TEST(RemainingTimeAtTheEnd, OfADeadlineThatHasPassedIsZero) {
  simulate([]() -> task<> {
    co_await try_for(1s, []() -> task<> {
      co_await shield(sleep_for(2s));
      EXPECT_EQ(remaining_time(), 0s);
    });
  });
}

TEST(TaskNameAtTheEnd, CanBeGivenByADestructorOfACancelledTask) {
  std::string tree;
  simulate([&]() -> task<> {
    co_await try_for(1s, sleeps(at_end([&] {
                       set_task_name("leaving");
                       tree = task_tree();
                     })));
    // Names of tasks that have ended are forgotten: another job in the same place has none.
    co_await try_for(1s, [&]() -> task<> {
      EXPECT_FALSE(has(task_tree(), "leaving"));
      co_return;
    });
  });
  EXPECT_TRUE(has(tree, "body \"leaving\": being cancelled")) << tree;
}

TEST(TaskNameAtTheEnd, IsNothingWhereThereIsNoTask) {
  set_task_name("nobody");
  simulate([]() -> task<> {
    this_loop().post([] { set_task_name("nobody"); });
    co_await with_task_group([](task_group& g) -> task<> {
      g.spawn(returns(at_end([] { set_task_name("ended"); })));
      co_return;
    });
    co_await yield_now();
    EXPECT_FALSE(has(task_tree(), "nobody"));
    EXPECT_FALSE(has(task_tree(), "ended"));
  });
}

// --- the tree ------------------------------------------------------------------------------------

TEST(TaskTreeAtTheEnd, ADestructorOfACancelledTaskMayPrintIt) {
  std::vector<std::string> trees;
  const auto look = [&] { trees.push_back(task_tree()); };
  unsigned awaits_sleep = 0;
  unsigned awaits_inner = 0;
  simulate([&]() -> task<> {
    auto inner = [&]() -> task<> {
      const at_end a(look);
      awaits_sleep = std::source_location::current().line() + 1;
      co_await sleeps(at_end(look));
    };
    auto outer = [&]() -> task<> {
      const at_end a(look);
      awaits_inner = std::source_location::current().line() + 1;
      co_await inner();
      co_return;
    };
    co_await try_for(1s, outer);
  });
  ASSERT_EQ(trees.size(), 3U);
  for (const std::string& t : trees) {
    EXPECT_TRUE(has(t, "main: waiting for a timeout")) << t;
    EXPECT_TRUE(has(t, "  body: being cancelled")) << t;
  }
  // In the innermost frame that is whole: the one that is being destroyed is not named.
  const auto body = [](const std::string& tree) {
    const std::size_t at = tree.find("  body: ");
    return tree.substr(at, tree.find('\n', at) - at);
  };
  EXPECT_TRUE(body(trees[0]).ends_with(":" + std::to_string(awaits_sleep))) << trees[0];
  EXPECT_TRUE(body(trees[1]).ends_with(":" + std::to_string(awaits_inner))) << trees[1];
}

TEST(TaskTreeAtTheEnd, ATaskThatIsAboutToBeTakenApartSaysSo) {
  std::string tree;
  simulate([&]() -> task<> {
    cancel_scope s;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(s.run(sleep_for(1h)));
      co_await sleep_for(1s);
      s.cancel();
      tree = task_tree();
    });
  });
  EXPECT_TRUE(has(tree, "body: being cancelled, in ") || has(tree, "body: being cancelled\n"))
      << tree;
}

TEST(TaskTreeAtTheEnd, ArgumentsOfATaskThatHasEndedMayPrintIt) {
  int printed = 0;
  const auto look = [&] { printed += has(task_tree(), "main: "); };
  simulate([&]() -> task<> {
    co_await with_task_group([&](task_group& g) -> task<> {
      for (int i = 0; i < 3; ++i)
        g.spawn([](auto) -> task<> { co_await sleep_for(1s); }, at_end(look));
      co_return;
    });
    co_await gather([](auto) -> task<> { co_await sleep_for(1s); }(at_end(look)), sleep_for(2s));
    co_await timeout(1h, [](auto) -> task<> { co_await sleep_for(1s); }, at_end(look));
    detail::this_core().run_service([](auto) -> task<> { co_await yield_now(); }(at_end(look)));
    co_await sleep_for(1s);
  });
  EXPECT_EQ(printed, 6);
}

TEST(TaskTreeAtTheEnd, APostMayPrintIt) {
  std::string tree;
  simulate([&]() -> task<> {
    const at_end never_run([&] { this_loop().post([&] { tree = task_tree(); }); });
    co_await try_for(1s, sleeps(at_end([&] { this_loop().post([&] { tree = task_tree(); }); })));
    co_await sleep_for(1s);
    EXPECT_TRUE(has(tree, "main: ")) << tree;
  });
}

TEST(TaskTreeAtTheEnd, ASignalThatComesMeanwhileIsAnswered) {
  testing::internal::CaptureStderr();
  run_as(options_for(reactor_kind::epoll), []() -> task<> {
    co_await try_for(1ms, sleeps(at_end([] { ::raise(SIGUSR1); })));
    co_await sleep_for(1ms);
  });
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(has(said, "main: ")) << said;
}

// --- what stays forbidden ------------------------------------------------------------------------

struct detached {
  struct promise_type : detail::promise_base {
    detached get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
};

TEST(EndingDeathTest, AnAwaitFromADestructor) {
  const auto waits = [](auto make) { return at_end([make] { make(); }); };
  const auto sleep = [] { []() -> detached { co_await sleep_for(1s); }(); };
  const auto shielded = [] { []() -> detached { co_await shield(sleep_for(1s)); }(); };
  const auto child = [] { []() -> detached { co_await returns(0); }(); };
  const char* says = "rondo: a destructor awaited something while its task was being cancelled";
  EXPECT_DEATH(simulate([&]() -> task<> { co_await try_for(1s, sleeps(waits(sleep))); }), says);
  EXPECT_DEATH(simulate([&]() -> task<> { co_await try_for(1s, sleeps(waits(shielded))); }), says);
  EXPECT_DEATH(simulate([&]() -> task<> { co_await try_for(1s, sleeps(waits(child))); }), says);
  // A child's arguments, when it has ended: no task runs then.
  EXPECT_DEATH(simulate([&]() -> task<> {
                 co_await with_task_group([&](task_group& g) -> task<> {
                   g.spawn(returns(waits(sleep)));
                   co_return;
                 });
               }),
               "rondo: co_await outside a running task");
}

}  // namespace
}  // namespace ending_test
