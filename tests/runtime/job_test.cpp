// What the loop and its jobs promise to whoever writes an awaitable.

#include "support/cancel_at_every_wait.hpp"
#include "support/run_on.hpp"

#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::simulate;

// A line whose first, when it is cancelled, lets the next one through instead.
class baton {
 public:
  class wait_type;
  wait_type wait();

 private:
  detail::intrusive_list<wait_type> line_;
};

class baton::wait_type final : public detail::wait_base, public detail::list_node {
 public:
  explicit wait_type(baton& b) noexcept : baton_(&b) {}
  bool begin(detail::job& j) noexcept override {
    if (j.must_stop()) {
      j.wake_stopped();
      return false;
    }
    job_ = &j;
    baton_->line_.push_back(*this);
    j.wait_on(*this);
    return false;
  }
  void cancel(detail::job& j) noexcept override {
    EXPECT_TRUE(linked()) << "asked though it had been let through";
    if (!linked()) return;
    unlink();
    j.wake_stopped();
    if (wait_type* next = baton_->line_.pop_front()) next->job_->wake();
  }
  void await_resume() const noexcept {}

 private:
  baton* baton_;
  detail::job* job_ = nullptr;
};

baton::wait_type baton::wait() { return wait_type(*this); }

TEST(Job, OneThatIsWokenByAnothersCancellationIsNotAskedAnyMore) {
  simulate([]() -> task<> {
    for (const bool from_outside : {false, true}) {
      baton b;
      cancel_scope s;
      int through = 0;
      const auto body = [&]() -> task<> {
        co_await with_task_group([&](task_group& g) -> task<> {
          for (int i = 0; i < 6; ++i)
            g.spawn([&]() -> task<> {
              co_await b.wait();
              ++through;
              co_await b.wait();
              ADD_FAILURE() << "it had been cancelled";
            });
          for (int i = 0; i < 2; ++i) co_await yield_now();
          if (from_outside)
            s.cancel();  // every child is in the list before the first is asked
          else
            g.cancel();
        });
      };
      (void)co_await s.run(body());
      EXPECT_EQ(through, 3);  // every second one
    }
  });
}

TEST(Job, IsAskedOnceHoweverOftenItIsCancelled) {
  class reluctant final : public detail::wait_base {
   public:
    reluctant(int& asked, detail::job*& waiting) : asked_(&asked), waiting_(&waiting) {}
    bool begin(detail::job& j) noexcept override {
      *waiting_ = &j;
      j.wait_on(*this);
      return false;
    }
    void cancel(detail::job&) noexcept override { ++*asked_; }  // answers later
    void await_resume() const noexcept {}

   private:
    int* asked_;
    detail::job** waiting_;
  };
  simulate([]() -> task<> {
    for (const bool happened : {false, true}) {
      int asked = 0;
      detail::job* waiting = nullptr;
      co_await with_task_group([&](task_group& g) -> task<> {
        auto h = g.spawn(reluctant(asked, waiting));
        co_await yield_now();
        for (int i = 0; i < 3; ++i) h.cancel();
        EXPECT_EQ(asked, 1);
        co_await sleep_for(1s);
        EXPECT_FALSE(h.done());
        for (int i = 0; i < 3; ++i) h.cancel();
        if (happened)
          waiting->wake();
        else
          waiting->wake_stopped();
        h.cancel();
        EXPECT_EQ((co_await h.join()).has_value(), happened);
        EXPECT_EQ(asked, 1);
      });
    }
  });
}

TEST(Job, AnAwaitableSeesCancellationThatIsDueBeforeItStarts) {
  simulate([]() -> task<> {
    cancel_scope s;
    baton b;
    const auto body = [&]() -> task<> {
      s.cancel();
      EXPECT_TRUE(detail::current_job().must_stop());
      co_await b.wait();
      ADD_FAILURE();
    };
    EXPECT_TRUE((co_await s.run(body())).is_cancelled());
  });
}

TEST(Job, CancellingFromADestructorOfACancelledTaskOnlyAsks) {
  simulate([]() -> task<> {
    std::string log;
    struct cancels {
      join_handle<void>& other;
      std::string& log;
      ~cancels() {
        other.cancel();
        log += "asked ";
      }
    };
    struct says {
      std::string& log;
      ~says() { log += "gone "; }
    };
    co_await with_task_group([&](task_group& g) -> task<> {
      auto other = g.spawn([&]() -> task<> {
        const says at_end{log};
        co_await sleep_for(1h);
      });
      auto first = g.spawn([&]() -> task<> {
        const cancels at_end{other, log};
        co_await sleep_for(1h);
      });
      co_await yield_now();
      first.cancel();
      EXPECT_TRUE((co_await first.join()).is_cancelled());
      EXPECT_TRUE((co_await other.join()).is_cancelled());
    });
    EXPECT_EQ(log, "asked gone ");
  });
}

TEST(Job, SettingAnEventFromADestructorOfACancelledTaskWakesItsWaiters) {
  simulate([]() -> task<> {
    event gone;
    struct sets {
      event& e;
      ~sets() { e.set(); }
    };
    co_await with_task_group([&](task_group& g) -> task<> {
      auto h = g.spawn([&]() -> task<> {
        const sets at_end{gone};
        co_await sleep_for(1h);
      });
      co_await yield_now();
      h.cancel();
      EXPECT_FALSE(gone.is_set());
      co_await gone.wait();
    });
  });
}

TEST(Job, TasksDestroyedByACancelledTaskNeverRun) {
  simulate([]() -> task<> {
    bool ran = false;
    const auto never = [&]() -> task<> {
      ran = true;
      co_return;
    };
    const auto holds = [&](task<>) -> task<> {
      std::vector<task<>> more;
      for (int i = 0; i < 10; ++i) more.push_back(never());
      co_await sleep_for(1h);
    };
    EXPECT_FALSE(co_await try_for(1s, holds(never())));
    EXPECT_FALSE(ran);
  });
}

// A mixture of everything, cancelled at every wait: whatever is open is closed again.
TEST(Job, AMixtureOfEverythingIsCancelledAtEveryWait) {
  int open = 0;
  struct holds {
    int& n;
    explicit holds(int& count) : n(count) { ++n; }
    holds(const holds&) = delete;
    holds& operator=(const holds&) = delete;
    ~holds() { --n; }
  };
  const auto n = rondo_test::cancel_at_every_wait(
      reactor_kind::simulated,
      [&]() -> task<int> {
        const holds all(open);
        queue<int> q(2);
        event e;
        int sum = 0;
        co_await timeout(1h, with_task_group([&](task_group& g) -> task<> {
                           const holds body(open);
                           auto producer = g.spawn([&]() -> task<> {
                             const holds here(open);
                             for (int i = 0; i < 5; ++i) {
                               co_await q.put(i);
                               if (i == 2) co_await sleep_for(1ms);
                             }
                             q.close();
                           });
                           g.spawn([&]() -> task<> {
                             const holds here(open);
                             co_await finally(e.wait(), [&]() -> task<> {
                               const holds cleaning(open);
                               co_await shield(sleep_for(1ms));
                               co_await yield_now();
                             });
                           });
                           while (const auto item = co_await q.next()) {
                             const holds each(open);
                             sum += co_await to_thread([i = *item] { return i; });
                             (void)co_await try_for(1us, sleep_for(1ms));
                           }
                           co_await producer;
                           e.set();
                         }));
        co_return sum;
      },
      [&](outcome<int>& o) {
        EXPECT_EQ(open, 0);
        EXPECT_FALSE(o.has_error());
        if (o.has_value()) EXPECT_EQ(o.value(), 10);
      });
  EXPECT_EQ(n.at_rest, n.posted);
  EXPECT_EQ(n.at_rest, 20U);
  EXPECT_GT(n.at_wake, n.at_rest);
}

}  // namespace
