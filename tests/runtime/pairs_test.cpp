// Two tasks that meet at one waiting line, both cancelled, at every pair of their waits: whatever
// becomes of them, items, permits, locks and notifications are all accounted for, and a bystander
// is not left behind.

#include "support/cancel_pairs.hpp"

#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace {

using namespace rondo;
using namespace std::chrono_literals;
using rondo_test::cancel_pairs;

// A puts and a gets, both of which wait.
template <class Queue>
struct put_and_get {
  Queue q{1};
  int put = 0;
  int got = 0;

  task<> one() {
    for (int i = 0; i < 8; ++i) {
      co_await q.put(i);
      ++put;
      if (i == 3) co_await sleep_for(1s);
    }
  }
  task<> other() {
    for (int i = 0; i < 8; ++i) {
      (void)co_await q.get();
      ++got;
      if (i % 2 == 0) co_await yield_now();
    }
  }
  void check() {
    EXPECT_EQ(put, got + static_cast<int>(q.size()));
    for (int i = 0; i < put; ++i) q.task_done();  // as many as went in, and no more
    EXPECT_THROW(q.task_done(), std::logic_error);
  }
};

TEST(Pairs, PutAndGet) {
  for (const auto& n :
       {cancel_pairs<put_and_get<queue<int>>>(), cancel_pairs<put_and_get<lifo_queue<int>>>(),
        cancel_pairs<put_and_get<priority_queue<int>>>()}) {
    EXPECT_EQ(n.one, 4U);
    EXPECT_EQ(n.other, 5U);
    EXPECT_EQ(n.runs, 398U);
  }
}

struct get_and_get {
  queue<int> q{1};
  int put = 0;
  int got = 0;

  task<> gets() {
    for (int i = 0; i < 2; ++i) {
      (void)co_await q.get();
      ++got;
    }
  }
  task<> one() { return gets(); }
  task<> other() { return gets(); }
  task<> bystander() {
    for (int i = 0; i < 4; ++i) {
      co_await yield_now();
      co_await q.put(i);
      ++put;
    }
  }
  void check() { EXPECT_EQ(put, got + static_cast<int>(q.size())); }
};

TEST(Pairs, GetAndGet) {
  const auto n = cancel_pairs<get_and_get>();
  EXPECT_EQ(n.one, 2U);
  EXPECT_EQ(n.other, 2U);
}

struct put_and_put {
  queue<std::unique_ptr<int>> q{1};
  int put = 0;
  int got = 0;
  bool all = false;

  task<> puts() {
    for (int i = 0; i < 3; ++i) {
      co_await q.put(std::make_unique<int>(i));
      ++put;
    }
  }
  task<> one() { return puts(); }
  task<> other() { return puts(); }
  task<> bystander() {
    for (;;) {
      EXPECT_NE(co_await q.get(), nullptr);
      ++got;
      co_await yield_now();
    }
  }
  void at_rest() { EXPECT_EQ(put, got); }  // nothing is left in the queue while somebody wants it
  void check() { EXPECT_EQ(q.size(), 0U); }
};

TEST(Pairs, PutAndPut) {
  const auto n = cancel_pairs<put_and_put>();
  EXPECT_EQ(n.one, 2U);
  EXPECT_EQ(n.other, 3U);
}

struct lock_and_lock {
  mutex m;
  int inside = 0;
  bool passed = false;

  task<> locks() {
    for (int i = 0; i < 2; ++i) {
      const auto guard = co_await m.lock();
      EXPECT_EQ(inside, 0);
      ++inside;
      struct at_end {
        int& inside;
        ~at_end() { --inside; }
      };
      const at_end end{inside};
      co_await yield_now();
    }
  }
  task<> one() { return locks(); }
  task<> other() { return locks(); }
  task<> bystander() {
    co_await locks();
    passed = true;
  }
  void at_rest() { EXPECT_TRUE(passed); }
  void check() {
    EXPECT_FALSE(m.is_locked());
    EXPECT_EQ(inside, 0);
  }
};

TEST(Pairs, LockAndLock) {
  const auto n = cancel_pairs<lock_and_lock>();
  EXPECT_EQ(n.one, 3U);    // two yields, and the second lock
  EXPECT_EQ(n.other, 4U);  // and the first
}

// One waits for what the other brings; so does a bystander, to whom the notification moves on if
// `one` is cancelled. An item must not lie there while the bystander waits for one.
struct wait_and_notify {
  mutex m;
  condition c;
  int brought = 0;
  int items = 0;
  int taken = 0;
  bool served = false;

  task<> takes() {
    auto guard = co_await m.lock();
    while (items == 0) co_await c.wait(guard);
    --items;
    ++taken;
  }
  task<> one() { return takes(); }
  task<> other() {
    co_await yield_now();
    for (int i = 0; i < 2; ++i) {
      const auto guard = co_await m.lock();
      ++items;
      ++brought;
      c.notify();
      co_await yield_now();  // who was notified waits for the lock
    }
  }
  task<> bystander() {
    co_await takes();
    served = true;
  }
  void at_rest() {
    EXPECT_FALSE(m.is_locked());
    EXPECT_TRUE(served || items == 0);
  }
  void check() {
    EXPECT_FALSE(m.is_locked());
    EXPECT_EQ(brought, taken + items);
  }
};

TEST(Pairs, WaitAndNotify) {
  const auto n = cancel_pairs<wait_and_notify>();
  EXPECT_EQ(n.one, 1U);    // its wait; being notified is no rest of its own
  EXPECT_EQ(n.other, 5U);  // three yields, and both locks when the waiters are in its way
}

// Both wait, and are notified one at a time: a notification is used up by exactly one, without a
// predicate.
struct wait_and_wait {
  mutex m;
  condition c;
  int woken = 0;
  int given = 0;

  task<> waits() {
    auto guard = co_await m.lock();
    co_await c.wait(guard);
    EXPECT_TRUE(guard.owns_lock());
    ++woken;
  }
  task<> one() { return waits(); }
  task<> other() { return waits(); }
  task<> bystander() {
    co_await yield_now();
    auto late = waits();
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(std::move(late));
      co_await yield_now();
      const auto guard = co_await m.lock();
      c.notify();
      ++given;
      co_await sleep_for(1s);
    });
  }
  // The notification reached one of the three, unless nobody was left; the last is never cancelled.
  void at_rest() {
    EXPECT_EQ(given, 1);
    EXPECT_EQ(woken, 1);
    EXPECT_FALSE(m.is_locked());
  }
  void check() { EXPECT_FALSE(m.is_locked()); }
};

TEST(Pairs, WaitAndWait) {
  const auto n = cancel_pairs<wait_and_wait>();
  EXPECT_EQ(n.one, 1U);    // its wait
  EXPECT_EQ(n.other, 2U);  // and the lock, when `one` has been stopped and holds it
}

struct acquire_and_acquire {
  semaphore s{2};
  bool served = false;

  task<> takes(std::size_t n) {
    for (int i = 0; i < 2; ++i) {
      const auto permit = co_await s.acquire(n);
      co_await yield_now();
    }
  }
  task<> one() { return takes(2); }
  task<> other() { return takes(1); }
  task<> bystander() {
    co_await takes(2);
    served = true;
  }
  void at_rest() {
    EXPECT_TRUE(served);
    EXPECT_EQ(s.available(), 2U);
  }
  void check() { EXPECT_EQ(s.available(), 2U); }
};

TEST(Pairs, AcquireAndAcquire) {
  const auto n = cancel_pairs<acquire_and_acquire>();
  EXPECT_EQ(n.one, 3U);    // two yields, and the second acquire
  EXPECT_EQ(n.other, 4U);  // and the first
}

struct limited_and_limited {
  capacity_limiter l{1};
  bool served = false;

  task<> takes() {
    for (int i = 0; i < 2; ++i) {
      const auto token = co_await l.acquire();
      l.set_total(2 - l.total() % 2);  // 2, 1, 2, …
      co_await yield_now();
    }
  }
  task<> one() { return takes(); }
  task<> other() { return takes(); }
  task<> bystander() {
    co_await takes();
    served = true;
  }
  void at_rest() { EXPECT_TRUE(served); }
  void check() { EXPECT_EQ(l.borrowed(), 0U); }
};

TEST(Pairs, LimitedAndLimited) {
  const auto n = cancel_pairs<limited_and_limited>();
  EXPECT_EQ(n.one, 3U);
  EXPECT_EQ(n.other, 4U);
}

template <std::size_t capacity>
struct send_and_receive {
  std::pair<channel_sender<int>, channel_receiver<int>> ends = make_channel<int>(capacity);
  int sent = 0;
  int received = 0;

  task<> one() {
    for (int i = 0; i < 3; ++i) {
      co_await ends.first.send(i);
      ++sent;
      if (i == 1) co_await yield_now();
    }
  }
  task<> other() {
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(co_await ends.second.receive(), i);
      ++received;
      if (i == 0) co_await yield_now();
    }
  }
  void check() {
    int left = 0;
    while (ends.second.try_receive()) ++left;
    EXPECT_EQ(sent, received + left);
    if (capacity == 0) EXPECT_EQ(left, 0);
  }
};

TEST(Pairs, SendAndReceive) {
  const auto meeting = cancel_pairs<send_and_receive<0>>();
  EXPECT_EQ(meeting.one, 4U);
  EXPECT_EQ(meeting.other, 2U);
  const auto with_room = cancel_pairs<send_and_receive<1>>();
  EXPECT_EQ(with_room.one, 3U);
  EXPECT_EQ(with_room.other, 2U);
}

// The ends go with their tasks, which closes the channel.
struct send_and_receive_to_the_end {
  std::optional<channel_sender<int>> out;
  std::optional<channel_receiver<int>> in;
  int sent = 0;
  int received = 0;
  bool one_began = false;
  bool other_began = false;

  send_and_receive_to_the_end() {
    auto ends = make_channel<int>();
    out.emplace(std::move(ends.first));
    in.emplace(std::move(ends.second));
  }
  task<> one() {
    one_began = true;
    const struct at_end {
      std::optional<channel_sender<int>>& out;
      ~at_end() { out.reset(); }
    } end{out};
    try {
      for (int i = 0; i < 3; ++i) {
        co_await out->send(i);
        ++sent;
      }
    } catch (const queue_closed&) {
      EXPECT_FALSE(in);
    }
  }
  task<> other() {
    other_began = true;
    const struct at_end {
      std::optional<channel_receiver<int>>& in;
      ~at_end() { in.reset(); }
    } end{in};
    while (co_await in->next()) ++received;
    EXPECT_FALSE(out);
  }
  // Neither waits for one who has gone.
  void at_rest() {
    if (one_began && other_began) {
      EXPECT_FALSE(out);
      EXPECT_FALSE(in);
    }
  }
  void check() { EXPECT_EQ(sent, received); }
};

TEST(Pairs, SendAndReceiveToTheEnd) {
  const auto n = cancel_pairs<send_and_receive_to_the_end>();
  EXPECT_EQ(n.one, 2U);
  EXPECT_EQ(n.other, 2U);
}

struct arrive_and_arrive {
  barrier b{2};
  int passed_one = 0;
  int passed_other = 0;

  task<> one() {
    for (int i = 0; i < 3; ++i) {
      co_await b.arrive_and_wait();
      ++passed_one;
    }
  }
  task<> other() {
    for (int i = 0; i < 3; ++i) {
      co_await b.arrive_and_wait();
      ++passed_other;
      co_await yield_now();
    }
  }
  void at_rest() { EXPECT_EQ(passed_one, passed_other); }
  void check() {
    EXPECT_EQ(passed_one, passed_other);
    EXPECT_EQ(b.waiting(), 0U);
  }
};

TEST(Pairs, ArriveAndArrive) {
  const auto n = cancel_pairs<arrive_and_arrive>();
  EXPECT_EQ(n.one, 3U);    // it is always the first to arrive
  EXPECT_EQ(n.other, 3U);  // its yields
}

struct set_and_await {
  std::optional<promise<std::shared_ptr<int>>> p;
  std::optional<future<std::shared_ptr<int>>> f;
  std::shared_ptr<int> value = std::make_shared<int>(1);
  bool set = false;
  bool had = false;
  bool broken = false;

  set_and_await() {
    auto ends = make_promise<std::shared_ptr<int>>();
    p.emplace(std::move(ends.first));
    f.emplace(std::move(ends.second));
  }
  task<> one() {
    const struct at_end {
      std::optional<promise<std::shared_ptr<int>>>& p;
      ~at_end() { p.reset(); }
    } end{p};
    co_await yield_now();
    p->set_value(value);
    set = true;
    co_await yield_now();
  }
  task<> other() {
    try {
      had = co_await std::move(*f) == value;
    } catch (const broken_promise&) {
      broken = true;
    }
    co_await yield_now();
  }
  void at_rest() {
    if (had) EXPECT_TRUE(set);
    EXPECT_FALSE(had && broken);
  }
  void check() {
    p.reset();
    f.reset();
    EXPECT_EQ(value.use_count(), 1);
  }
};

TEST(Pairs, SetAndAwait) {
  const auto n = cancel_pairs<set_and_await>();
  EXPECT_EQ(n.one, 2U);
  EXPECT_EQ(n.other, 2U);
}

}  // namespace
