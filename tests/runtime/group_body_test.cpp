// What a task group's body owns outlives the children, and so does what the group makes.
#include "support/cancel_at_every_wait.hpp"
#include "support/run_on.hpp"

#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace group_body_test {

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::cancel_at_every_wait;
using rondo_test::simulate;

using journal = std::vector<std::string>;

struct noted {
  noted(journal& j, std::string w) : at(j), what(std::move(w)) {}
  noted(const noted&) = delete;
  noted& operator=(const noted&) = delete;
  ~noted() { at.push_back("~" + what); }
  journal& at;
  std::string what;
};

task<> forever() { co_await sleep_for(std::chrono::hours(1'000'000)); }
task<> pause(std::chrono::nanoseconds d) { co_await sleep_for(d); }

TEST(GroupBody, ItsLocalsOutliveAChildThatIsShielded) {
  simulate([]() -> task<> {
    journal j;
    co_await try_for(10ms, with_task_group([&](task_group& g) -> task<> {
                       noted local(j, "local");
                       g.spawn([&]() -> task<> {
                         co_await shield(pause(50ms));
                         ADD_FAILURE() << "a shield that ends delivers the cancellation";
                       });
                       g.spawn([&]() -> task<> {
                         co_await finally(forever(), [&]() -> task<> {
                           co_await sleep_for(70ms);
                           j.push_back("cleaned up beside " + local.what);
                         });
                       });
                       co_await forever();
                     }));
    EXPECT_EQ(j, (journal{"cleaned up beside local", "~local"}));
  });
}

TEST(GroupBody, ItsLocalsOutliveTheChildrenWhenOneOfThemFails) {
  simulate([]() -> task<> {
    journal j;
    EXPECT_THROW(co_await with_task_group([&](task_group& g) -> task<> {
                   noted local(j, "local");
                   g.spawn([&]() -> task<> {
                     noted child(j, "child that used " + local.what);
                     co_await finally(forever(), [] { return pause(1s); });
                   });
                   g.spawn([]() -> task<> {
                     co_await yield_now();
                     throw std::out_of_range("unrelated");
                   });
                   co_await forever();
                 }),
                 std::out_of_range);
    EXPECT_EQ(j, (journal{"~child that used local", "~local"}));
  });
}

TEST(GroupBody, ItsFramesGoInnermostFirstOnceTheLastChildHasEnded) {
  simulate([]() -> task<> {
    journal j;
    struct nest {
      static task<> level(int n, journal& j) {
        noted local(j, std::to_string(n));
        co_await (n == 0 ? forever() : level(n - 1, j));
      }
    };
    co_await try_for(1s, with_task_group([&](task_group& g) -> task<> {
                       g.spawn([&]() -> task<> {
                         noted child(j, "child");
                         co_await forever();
                       });
                       co_await nest::level(2, j);
                     }));
    EXPECT_EQ(j, (journal{"~child", "~0", "~1", "~2"}));
  });
}

TEST(GroupBody, ScopesInsideItEndAtOnceTheirCleanupsIncluded) {
  simulate([]() -> task<> {
    journal j;
    co_await try_for(1s, with_task_group([&](task_group& g) -> task<> {
                       noted outer(j, "body");
                       g.spawn([&]() -> task<> {
                         noted child(j, "child");
                         co_await finally(forever(), [] { return pause(2s); });
                       });
                       co_await timeout(1h, [&]() -> task<> {
                         noted inner(j, "inner scope");
                         co_await finally(forever(), [&]() -> task<> {
                           j.push_back("cleanup");
                           co_return;
                         });
                       });
                     }));
    EXPECT_EQ(j, (journal{"cleanup", "~inner scope", "~child", "~body"}));
  });
}

TEST(GroupBody, OfAGroupInsideWaitsForTheChildrenOfBoth) {
  simulate([]() -> task<> {
    journal j;
    co_await try_for(1s, with_task_group([&](task_group& outer) -> task<> {
                       noted a(j, "outer body");
                       outer.spawn([&]() -> task<> {
                         noted child(j, "outer child");
                         co_await finally(forever(), [] { return pause(2s); });
                       });
                       co_await with_task_group([&](task_group& inner) -> task<> {
                         noted b(j, "inner body");
                         inner.spawn([&]() -> task<> {
                           noted child(j, "inner child");
                           co_await finally(forever(), [] { return pause(1s); });
                         });
                         co_await forever();
                       });
                     }));
    EXPECT_EQ(j, (journal{"~inner child", "~inner body", "~outer child", "~outer body"}));
  });
}

TEST(GroupBody, IsNotKeptWhenItHasNoChildren) {
  simulate([]() -> task<> {
    journal j;
    co_await try_for(1s, with_task_group([&](task_group&) -> task<> {
                       noted local(j, "local");
                       co_await forever();
                     }));
    EXPECT_EQ(j, (journal{"~local"}));
  });
}

// --- what a body holds, and a child wants --------------------------------------------------------

// What may stand in a body's frame, each with what a child of the group needs of it.
struct held_things {
  mutex m;
  condition changed;
  semaphore permits{1};
  queue<int> items{1};
  int children_that_had_it = 0;
};

struct closer {
  explicit closer(queue<int>& q) : q_(q) {}
  closer(const closer&) = delete;
  closer& operator=(const closer&) = delete;
  ~closer() { q_.close(); }
  queue<int>& q_;
};

task<> wants_the_lock(held_things& h) {
  const auto guard = co_await h.m.lock();
  ++h.children_that_had_it;
}
task<> wants_a_permit(held_things& h) {
  const auto permit = co_await h.permits.acquire();
  ++h.children_that_had_it;
}
task<> wants_the_end(held_things& h) {
  while (co_await h.items.next()) {
  }
  ++h.children_that_had_it;
}

task<> waits_for_a_change(held_things& h) {
  auto guard = co_await h.m.lock();
  co_await h.changed.wait(guard);
}
task<> sleeps_with_a_guard(held_things& h) {
  const auto guard = co_await h.m.lock();
  co_await forever();
}
task<> sleeps_with_a_permit(held_things& h) {
  const auto permit = co_await h.permits.acquire();
  co_await forever();
}
task<> sleeps_with_a_closer(held_things& h) {
  const closer c(h.items);
  co_await forever();
}

// The same, given back by the cleanup of a finally.
task<> gives_the_guard_back(held_things& h) {
  auto guard = co_await h.m.lock();
  co_await finally(forever(), [&]() -> task<> {
    guard.unlock();
    co_return;
  });
}
task<> gives_the_permit_back(held_things& h) {
  std::optional permit = co_await h.permits.acquire();
  co_await finally(forever(), [&]() -> task<> {
    permit.reset();
    co_return;
  });
}
task<> closes_the_queue(held_things& h) {
  co_await finally(forever(), [&]() -> task<> {
    h.items.close();
    co_return;
  });
}

using in_a_group = task<> (*)(held_things&);

// A plain child ends with the group, wherever it waits.
task<> with_a_plain_child(in_a_group body, in_a_group child, held_things& h) {
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      co_await sleep_for(1ms);
      co_await child(h);
    });
    co_await body(h);
  });
}
// A child that will not end before it has what the body had.
task<> with_a_shielded_child(in_a_group body, in_a_group child, held_things& h) {
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      co_await sleep_for(1ms);
      co_await shield(child(h));
    });
    co_await body(h);
  });
}
task<> with_a_child_that_cleans_up(in_a_group body, in_a_group child, held_things& h) {
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> { co_await finally(forever(), [&] { return child(h); }); });
    co_await body(h);
  });
}

struct held_case {
  const char* name;
  in_a_group body;
  in_a_group child;
};
constexpr held_case in_the_body[] = {
    {"guard", sleeps_with_a_guard, wants_the_lock},
    {"permit", sleeps_with_a_permit, wants_a_permit},
    {"closer", sleeps_with_a_closer, wants_the_end},
};
constexpr held_case in_a_scope_of_the_body[] = {
    {"condition", waits_for_a_change, wants_the_lock},
    {"guard", gives_the_guard_back, wants_the_lock},
    {"permit", gives_the_permit_back, wants_a_permit},
    {"closer", closes_the_queue, wants_the_end},
};

void expect_all_back(const held_things& h) {
  EXPECT_FALSE(h.m.is_locked());
  EXPECT_EQ(h.permits.available(), 1U);
}

TEST(GroupBody, GivesBackWhatItHeldWhenThePlainChildrenHaveEnded) {
  std::vector<held_case> all(std::begin(in_the_body), std::end(in_the_body));
  all.insert(all.end(), std::begin(in_a_scope_of_the_body), std::end(in_a_scope_of_the_body));
  for (const held_case& c : all) {
    SCOPED_TRACE(c.name);
    simulate([&]() -> task<> {
      held_things h;
      EXPECT_FALSE(co_await try_for(1s, with_a_plain_child(c.body, c.child, h)));
      expect_all_back(h);
    });
  }
}

TEST(GroupBody, GivesAChildWhatACleanupGivesBackAndTheLockOfACondition) {
  for (const held_case& c : in_a_scope_of_the_body) {
    SCOPED_TRACE(c.name);
    for (auto* form : {with_a_shielded_child, with_a_child_that_cleans_up}) {
      simulate([&]() -> task<> {
        held_things h;
        const auto start = this_loop().now();
        EXPECT_FALSE(co_await try_for(1s, form(c.body, c.child, h)));
        EXPECT_EQ(this_loop().now() - start, 1s);
        EXPECT_EQ(h.children_that_had_it, 1);
        expect_all_back(h);
      });
    }
  }
}

TEST(GroupBody, GivesAChildWhatItHeldInATimeoutInside) {
  for (const held_case& c : in_the_body) {
    SCOPED_TRACE(c.name);
    simulate([&]() -> task<> {
      held_things h;
      EXPECT_FALSE(co_await try_for(1s, with_task_group([&](task_group& g) -> task<> {
                                      g.spawn([&]() -> task<> {
                                        co_await finally(forever(), [&] { return c.child(h); });
                                      });
                                      co_await timeout(1h, c.body(h));
                                    })));
      EXPECT_EQ(h.children_that_had_it, 1);
      expect_all_back(h);
    });
  }
}

TEST(GroupBodyDeath, ThatHoldsWhatACleanupWaitsForIsReportedWithTheTasks) {
  for (const held_case& c : in_the_body) {
    SCOPED_TRACE(c.name);
    EXPECT_DEATH(
        {
          held_things h;
          simulate([&]() -> task<> {
            co_await try_for(1s, with_a_child_that_cleans_up(c.body, c.child, h));
          });
        },
        "body: stopped, and its frames stay until the children have ended(.|\n)*child(.|\n)*what "
        "the body of a task group holds");
  }
}

TEST(GroupBodyDeath, ThatHoldsTheLockWhichAChildsConditionTakesAgainIsReported) {
  EXPECT_DEATH(
      {
        held_things h;
        simulate([&]() -> task<> {
          co_await try_for(1s, with_task_group([&](task_group& g) -> task<> {
                             g.spawn(waits_for_a_change(h));
                             co_await yield_now();
                             const auto guard = co_await h.m.lock();
                             co_await forever();
                           }));
        });
      },
      "what the body of a task group holds");
}

TEST(GroupBody, ThatWaitsLongForItsChildrenIsReportedOnce) {
  std::vector<std::string> reports;
  run(
      []() -> task<> {
        co_await try_for(1s, with_task_group([](task_group& g) -> task<> {
                           g.spawn([]() -> task<> {
                             set_task_name("slow one");
                             co_await finally(forever(), [] { return pause(20s); });
                           });
                           co_await forever();
                         }));
      }(),
      rondo_test::options_for(reactor_kind::simulated).on_unhandled([&](std::exception_ptr e) {
        try {
          std::rethrow_exception(std::move(e));
        } catch (const std::runtime_error& error) {
          reports.emplace_back(error.what());
        }
      }));
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_NE(reports[0].find("waited 5 s for 1 of its children"), std::string::npos);
  EXPECT_NE(reports[0].find("body: stopped"), std::string::npos);
  EXPECT_NE(reports[0].find("child \"slow one\" (spawned at group_body_test.cpp:"),
            std::string::npos)
      << reports[0];
}

TEST(GroupBody, ThatWaitsLessThanFiveSecondsIsNot) {
  run(
      []() -> task<> {
        co_await try_for(1s, with_task_group([](task_group& g) -> task<> {
                           g.spawn(finally(forever(), [] { return pause(4s); }));
                           co_await forever();
                         }));
        co_await sleep_for(1min);
      }(),
      rondo_test::options_for(reactor_kind::simulated).on_unhandled([](std::exception_ptr) {
        ADD_FAILURE();
      }));
}

TEST(GroupBody, WithWhatItHoldsIsCancelledAtEveryWait) {
  for (const held_case& c : in_a_scope_of_the_body) {
    for (auto* form : {with_a_plain_child, with_a_shielded_child, with_a_child_that_cleans_up}) {
      SCOPED_TRACE(c.name);
      std::optional<held_things> h;
      const auto n = cancel_at_every_wait(
          reactor_kind::simulated,
          [&]() -> task<> {
            h.emplace();
            co_await with_task_group([&](task_group& outer) -> task<> {
              outer.spawn([&]() -> task<> { co_await form(c.body, c.child, *h); });
              co_await sleep_for(1s);
              h->changed.notify_all();
              co_await sleep_for(1s);
              outer.cancel();
            });
          },
          [&] { expect_all_back(*h); });
      EXPECT_GT(n.at_rest, 4U);
    }
  }
}

// --- make ----------------------------------------------------------------------------------------

TEST(GroupMake, GivesObjectsThatLiveAsLongAsTheGroup) {
  simulate([]() -> task<> {
    journal j;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto& first = g.make<noted>(j, "first");
      g.make<noted>(j, "second");
      g.spawn([&]() -> task<> {
        co_await sleep_for(1s);
        j.push_back("child uses " + first.what);
      });
      noted local(j, "local");
      co_return;
    });
    j.push_back("after the group");
    EXPECT_EQ(j, (journal{"~local", "child uses first", "~second", "~first", "after the group"}));
  });
}

TEST(GroupMake, ObjectsGoAfterTheFramesOfACancelledBody) {
  simulate([]() -> task<> {
    journal j;
    bool unwinding = false;
    struct asks {
      explicit asks(bool& u) : to(u) {}
      asks(const asks&) = delete;
      asks& operator=(const asks&) = delete;
      ~asks() { to = is_unwinding(); }
      bool& to;
    };
    co_await try_for(1s, with_task_group([&](task_group& g) -> task<> {
                       g.make<noted>(j, "object");
                       g.make<asks>(unwinding);
                       noted local(j, "local");
                       g.spawn([&]() -> task<> {
                         noted child(j, "child");
                         co_await forever();
                       });
                       co_await forever();
                     }));
    EXPECT_EQ(j, (journal{"~child", "~local", "~object"}));
    EXPECT_TRUE(unwinding);
    EXPECT_FALSE(is_unwinding());

    co_await with_task_group([&](task_group& g) -> task<> {
      g.make<asks>(unwinding);
      co_return;
    });
    EXPECT_FALSE(unwinding);
  });
}

TEST(GroupMake, ThrowsWhatTheConstructorThrows) {
  simulate([]() -> task<> {
    struct refuses {
      refuses() { throw std::out_of_range("no"); }
    };
    journal j;
    EXPECT_THROW(co_await with_task_group([&](task_group& g) -> task<> {
                   g.make<noted>(j, "made before");
                   g.make<refuses>();
                   co_return;
                 }),
                 std::out_of_range);
    EXPECT_EQ(j, (journal{"~made before"}));
  });
}

TEST(GroupMake, ThrowsGroupClosedWhileItsObjectsGo) {
  simulate([]() -> task<> {
    std::string said;
    struct makes_another {
      makes_another(task_group& group, std::string& s) : g(group), said(s) {}
      makes_another(const makes_another&) = delete;
      makes_another& operator=(const makes_another&) = delete;
      ~makes_another() {
        try {
          g.make<int>(1);
        } catch (const group_closed& e) {
          said = e.what();
        }
      }
      task_group& g;
      std::string& said;
    };
    co_await with_task_group([&](task_group& g) -> task<> {
      g.make<makes_another>(g, said);
      co_return;
    });
    EXPECT_NE(said.find("has ended"), std::string::npos);
  });
}

TEST(GroupMake, WorksInAGroupThatIsBeingCancelled) {
  simulate([]() -> task<> {
    journal j;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        co_await finally(forever(), [&]() -> task<> {
          auto& made = g.make<noted>(j, "made late");
          co_await sleep_for(1s);
          j.push_back("used " + made.what);
        });
      });
      co_await yield_now();
      g.cancel();
    });
    EXPECT_EQ(j, (journal{"used made late", "~made late"}));
  });
}

TEST(GroupMake, AQueueSharedByChildrenLosesNothingCancelledAtEveryWait) {
  int made = 0;
  int taken = 0;
  const auto n = cancel_at_every_wait(reactor_kind::simulated, [&]() -> task<> {
    made = taken = 0;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto& q = g.make<queue<std::unique_ptr<int>>>(2);
      for (int producer = 0; producer < 2; ++producer)
        g.spawn([&]() -> task<> {
          for (int i = 0; i < 3; ++i) {
            co_await q.put(std::make_unique<int>(i));
            ++made;
            co_await shield(yield_now());
          }
        });
      g.spawn([&]() -> task<> {
        while (auto item = co_await q.next()) ++taken;
      });
      co_await sleep_for(1s);
      q.close();
    });
    EXPECT_EQ(made, taken);
  });
  EXPECT_GT(n.at_rest, 10U);
  EXPECT_GT(n.at_wake, 10U);
}

}  // namespace

}  // namespace group_body_test
