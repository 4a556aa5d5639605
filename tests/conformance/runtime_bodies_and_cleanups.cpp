// The bodies of groups, and cleanups, cancelled at every wait on every reactor: what is promised
// does not depend on which of a timer, a post and the kernel comes first.
#include "net/net_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/net.hpp>
#include <rondo/patterns.hpp>
#include <rondo/runtime.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace runtime_bodies_and_cleanups {

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::cancel_at_every_wait;

task<> forever() { co_await sleep_for(std::chrono::hours(1'000'000)); }
task<> shortly() { co_await sleep_for(50us); }

// --- what a body holds, and a child wants --------------------------------------------------------

struct held_things {
  mutex m;
  condition changed;
  semaphore permits{1};
  queue<int> items{1};
};

task<> wants_the_lock(held_things& h) { const auto guard = co_await h.m.lock(); }
task<> wants_a_permit(held_things& h) { const auto permit = co_await h.permits.acquire(); }
task<> wants_the_end(held_things& h) {
  while (co_await h.items.next()) {
  }
}

// Bodies that give what they hold to those who want it: by a wait that takes its lock again last,
// and by the cleanup of a finally.
task<> waits_for_a_change(held_things& h) {
  auto guard = co_await h.m.lock();
  co_await h.changed.wait(guard);
}
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

task<> with_a_plain_child(in_a_group body, in_a_group child, held_things& h) {
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      co_await shortly();
      co_await child(h);
    });
    co_await body(h);
  });
}
task<> with_a_shielded_child(in_a_group body, in_a_group child, held_things& h) {
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> {
      co_await shortly();
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

void hold_and_cancel(reactor_kind reactor, in_a_group body, in_a_group child) {
  for (auto* form : {with_a_plain_child, with_a_shielded_child, with_a_child_that_cleans_up}) {
    std::optional<held_things> h;
    const auto n = cancel_at_every_wait(
        reactor,
        [&]() -> task<> {
          h.emplace();
          co_await with_task_group([&](task_group& outer) -> task<> {
            outer.spawn([&]() -> task<> { co_await form(body, child, *h); });
            co_await wait_until_idle();
            co_await shortly();
            h->changed.notify_all();
            co_await wait_until_idle();
            outer.cancel();
          });
        },
        [&] {
          if (!h) return;  // cancelled before it began
          EXPECT_FALSE(h->m.is_locked());
          EXPECT_EQ(h->permits.available(), 1U);
        });
    EXPECT_GT(n.at_rest, 4U);
  }
}

CONFORMANCE_RUNS(GroupBodyCancelled, GivesTheLockOfAConditionToAChild) {
  hold_and_cancel(reactor, waits_for_a_change, wants_the_lock);
}
CONFORMANCE_RUNS(GroupBodyCancelled, GivesAGuardToAChildByItsCleanup) {
  hold_and_cancel(reactor, gives_the_guard_back, wants_the_lock);
}
CONFORMANCE_RUNS(GroupBodyCancelled, GivesAPermitToAChildByItsCleanup) {
  hold_and_cancel(reactor, gives_the_permit_back, wants_a_permit);
}
CONFORMANCE_RUNS(GroupBodyCancelled, ClosesAQueueForAChildByItsCleanup) {
  hold_and_cancel(reactor, closes_the_queue, wants_the_end);
}

// --- the order in which things go ----------------------------------------------------------------

using journal = std::vector<std::string>;

struct noted {
  noted(journal& j, std::string w) : at(j), what(std::move(w)) {}
  noted(const noted&) = delete;
  noted& operator=(const noted&) = delete;
  ~noted() { at.push_back("~" + what); }
  journal& at;
  std::string what;
};

// Of two that both went, `first` went before `second`; a second that went alone was made alone.
void expect_order(const journal& j, const std::string& first, const std::string& second) {
  const auto a = std::ranges::find(j, first);
  const auto b = std::ranges::find(j, second);
  EXPECT_TRUE(a == j.end() || a < b) << first << " after " << second;
}

task<> child_that_notes(journal& j, std::string what) {
  const noted child(j, std::move(what));
  co_await finally(forever(), [] { return shortly(); });
}

CONFORMANCE_RUNS(GroupBodyCancelled, GoesAfterTheChildrenAndBeforeWhatTheGroupMade) {
  journal j;
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        j.clear();
        co_await with_task_group([&](task_group& outer) -> task<> {
          outer.make<noted>(j, "outer object");
          const noted a(j, "outer body");
          outer.spawn(child_that_notes(j, "outer child"));
          co_await try_for(1ms, with_task_group([&](task_group& inner) -> task<> {
                             inner.make<noted>(j, "inner object");
                             const noted b(j, "inner body");
                             inner.spawn(child_that_notes(j, "inner child"));
                             co_await forever();
                           }));
          outer.cancel();
          co_await forever();
        });
      },
      [&] {
        expect_order(j, "~inner child", "~inner body");
        expect_order(j, "~inner body", "~inner object");
        expect_order(j, "~inner object", "~outer body");
        expect_order(j, "~outer child", "~outer body");
        expect_order(j, "~outer body", "~outer object");
      });
  EXPECT_GT(n.at_rest, 6U);
}

CONFORMANCE_RUNS(GroupBodyCancelled, AQueueOfTheGroupLosesNothing) {
  int made = 0;
  int taken = 0;
  const auto n = cancel_at_every_wait(reactor, [&]() -> task<> {
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
      co_await wait_until_idle();
      q.close();
    });
    EXPECT_EQ(made, taken);
  });
  EXPECT_GT(n.at_rest, 10U);
  EXPECT_GT(n.at_wake, 10U);
}

// --- cleanups ------------------------------------------------------------------------------------

// What is used must be closed, whatever happens.
struct resource {
  int used = 0;
  int closed = 0;
  task<> use() {
    ++used;
    co_await forever();
  }
  task<> close() {
    co_await shortly();
    ++closed;
  }
};
auto with(resource& r) {
  return finally(r.use(), [&r] { return r.close(); });
}

void close_and_cancel(reactor_kind reactor, task<> (*shape)(resource&)) {
  resource r;
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        r = resource();
        co_await shape(r);
      },
      [&](outcome<void>& o) {
        EXPECT_FALSE(o.has_error());
        EXPECT_LE(r.used, r.closed);
        EXPECT_LE(r.closed, 1);
        // A finally that it was given to has run its cleanup; none was when it had not begun.
        if (o.has_value()) EXPECT_EQ(r.closed, 1);
      });
  EXPECT_GE(n.at_rest, 2U);
}

CONFORMANCE_RUNS(CleanupCancelled, InAGroupThatIsLeft) {
  close_and_cancel(reactor, [](resource& r) -> task<> {
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(with(r));
      co_await shortly();
      g.cancel();
    });
  });
}
CONFORMANCE_RUNS(CleanupCancelled, InAGroupThatIsCancelledBeforeItIsGivenTheTask) {
  close_and_cancel(reactor, [](resource& r) -> task<> {
    co_await with_task_group([&](task_group& g) -> task<> {
      co_await yield_now();
      g.cancel();
      g.spawn(with(r));
      co_return;
    });
  });
}
CONFORMANCE_RUNS(CleanupCancelled, InAGatherThatFails) {
  close_and_cancel(reactor, [](resource& r) -> task<> {
    const auto fails = []() -> task<> {
      co_await shortly();
      throw std::out_of_range("a branch");
    };
    try {
      co_await gather(fails(), with(r));
    } catch (const std::out_of_range&) {
      EXPECT_EQ(r.closed, 1);
    }
  });
}
CONFORMANCE_RUNS(CleanupCancelled, InARaceThatAnotherWins) {
  close_and_cancel(reactor, [](resource& r) -> task<> { co_await race(shortly(), with(r)); });
}
CONFORMANCE_RUNS(CleanupCancelled, InATimeout) {
  close_and_cancel(reactor, [](resource& r) -> task<> {
    EXPECT_FALSE(co_await try_for(50us, with(r)));
    EXPECT_EQ(r.closed, 1);
  });
}
CONFORMANCE_RUNS(CleanupCancelled, InsideAnotherFinally) {
  close_and_cancel(reactor, [](resource& r) -> task<> {
    co_await try_for(50us, finally(with(r), [&]() -> task<> {
                       EXPECT_EQ(r.closed, 1);
                       co_await shortly();
                     }));
  });
}

CONFORMANCE_RUNS(ShieldCancelled, RunsToItsEndAndStopsThere) {
  int begun = 0;
  int ended = 0;
  int went_on = 0;
  cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        co_await shield([&]() -> task<> {
          ++begun;
          co_await shortly();
          ++ended;
        });
        ++went_on;
      },
      [&](outcome<void>& o) {
        EXPECT_EQ(begun, ended);
        EXPECT_EQ(went_on, o.has_value() ? 1 : 0);
        begun = ended = went_on = 0;
      });
}

// --- polls of descriptors that a user made -------------------------------------------------------

class user_pipe {
 public:
  user_pipe() { EXPECT_EQ(::pipe2(fd_.data(), O_CLOEXEC | O_NONBLOCK), 0); }
  user_pipe(const user_pipe&) = delete;
  user_pipe& operator=(const user_pipe&) = delete;
  ~user_pipe() {
    ::close(fd_[0]);
    ::close(fd_[1]);
  }
  int out() const { return fd_[0]; }
  int in() const { return fd_[1]; }

 private:
  std::array<int, 2> fd_{-1, -1};
};

// What arrives is read or still there, and whoever waits for a place to write gets it.
ON_KERNEL_REACTORS(PollCancelled, OfAPipeLosesNothing) {
  int sent = 0;
  int got = 0;
  std::optional<user_pipe> pipe;
  const auto left = [&] {
    int n = 0;
    for (char c = 0; ::read(pipe->out(), &c, 1) == 1;) ++n;
    return n;
  };
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        sent = got = 0;
        pipe.emplace();
        co_await with_task_group([&](task_group& g) -> task<> {
          g.spawn([&]() -> task<> {
            for (char c = 0; got < 3;) {
              co_await readable(pipe->out());
              got += ::read(pipe->out(), &c, 1) == 1 ? 1 : 0;
            }
          });
          for (; sent < 3; ++sent) {
            co_await wait_until_idle();
            co_await writable(pipe->in());
            EXPECT_EQ(::write(pipe->in(), "x", 1), 1);
          }
        });
      },
      [&] {
        if (!pipe) return;  // cancelled before it began
        EXPECT_EQ(got + left(), sent);
        pipe.reset();
      });
  EXPECT_GT(n.at_rest, 3U);
  EXPECT_GT(n.at_wake, 3U);
}

// The same number, in a wait of the reactor's own socket and in a poll of the user's.
ON_KERNEL_REACTORS(PollCancelled, OfASocketOfRondosLeavesItsReaderAlone) {
  std::string heard;
  const auto n = cancel_at_every_wait(
      reactor,
      [&]() -> task<> {
        heard.clear();
        auto [mine, theirs] = co_await rondo_test::connect_pair();
        co_await with_task_group([&](task_group& g) -> task<> {
          g.spawn([&]() -> task<> {
            co_await sleep_for(50us);
            co_await writable(theirs.native().get().fd);
            co_await theirs.write_all(net::bytes_of("hello"));
            co_await theirs.shutdown_write();
          });
          std::array<std::byte, 2> buffer;
          for (;;) {
            co_await readable(mine.native().get().fd);
            const std::size_t k = co_await mine.read_some(buffer);
            if (k == 0) break;
            heard.append(reinterpret_cast<const char*>(buffer.data()), k);
          }
        });
      },
      [&](outcome<void>& o) {
        EXPECT_FALSE(o.has_error());
        if (o.has_value())
          EXPECT_EQ(heard, "hello");
        else
          EXPECT_EQ(heard, std::string("hello").substr(0, heard.size()));
      });
  EXPECT_GT(n.at_wake, 3U);
}

}  // namespace

}  // namespace runtime_bodies_and_cleanups
