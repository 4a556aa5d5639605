#include "support/cancel_at_every_wait.hpp"
#include "support/cancel_pairs.hpp"
#include "support/run_on.hpp"
#include "support/schedules.hpp"

#include <rondo/patterns/select.hpp>
#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using namespace rondo;
using rondo_test::cancel_at_every_wait;
using rondo_test::cancel_pairs;
using rondo_test::schedule;
using rondo_test::simulate;

namespace {

using number = std::unique_ptr<int>;  // an item that can be moved only
number make(int n) { return std::make_unique<int>(n); }

}  // namespace

TEST(Select, TakesWhatIsThereAndSaysFromWhich) {
  simulate([]() -> task<> {
    queue<int> a(5);
    queue<std::string> b(5);
    a.try_put(1);
    b.try_put("x");
    auto first = co_await select(b, a);
    EXPECT_EQ(first->index(), 0U);
    EXPECT_EQ(std::get<0>(*first), "x");
    auto second = co_await select(b, a);
    EXPECT_EQ(second->index(), 1U);
    EXPECT_EQ(std::get<1>(*second), 1);
    EXPECT_TRUE(a.empty() && b.empty());
  });
}

TEST(Select, WaitsForTheFirstItemOfAny) {
  simulate([]() -> task<> {
    queue<number> a(1);
    queue<number> b(1);
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        auto item = co_await select(a, b);
        EXPECT_EQ(item->index(), 1U);
        EXPECT_EQ(*std::get<1>(*item), 7);
      });
      co_await sleep_for(1s);
      b.try_put(make(7));
      a.try_put(make(8));  // in the same turn: it stays
    });
    EXPECT_TRUE(b.empty());
    EXPECT_EQ(a.size(), 1U);
  });
}

TEST(Select, TakesFromAPutterWhoWaitsAndMeetsASenderOfARendezvous) {
  simulate([]() -> task<> {
    queue<int> full(1);
    auto [out, in] = make_channel<int>();
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        for (int i = 1; i <= 3; ++i) co_await full.put(i);
        co_await out.send(4);
      });
      for (int i = 1; i <= 4; ++i) {
        auto item = co_await select(in, full);
        EXPECT_EQ(item->index(), i == 4 ? 0U : 1U);
        EXPECT_EQ(std::visit([](int n) { return n; }, *item), i);
      }
    });
  });
}

TEST(Select, WorksOnEveryKindOfQueue) {
  simulate([]() -> task<> {
    priority_queue<int> greatest(5);
    lifo_queue<int> newest(5);
    for (const int i : {1, 3, 2}) {
      greatest.try_put(i);
      newest.try_put(i);
    }
    EXPECT_EQ(std::get<0>(*co_await select(greatest, newest)), 3);
    EXPECT_EQ(std::get<0>(*co_await select(newest, greatest)), 2);
    EXPECT_EQ(std::get<0>(*co_await select(newest)), 3);
  });
}

TEST(Select, StandsInLineAsAnyOther) {
  simulate([]() -> task<> {
    queue<int> a(3);
    queue<int> b(3);
    std::string log;
    co_await with_task_group([&](task_group& g) -> task<> {
      const auto get = [&](char name) -> task<> {
        const int n = co_await a.get();
        log += name + std::to_string(n) + " ";
      };
      g.spawn(get, 'x');
      g.spawn([&]() -> task<> {
        auto item = co_await select(a, b);
        log += "s" + std::to_string(std::get<0>(*item)) + " ";
      });
      g.spawn(get, 'y');
      co_await sleep_for(1s);
      for (int i = 1; i <= 3; ++i) a.try_put(i);
    });
    EXPECT_EQ(log, "x1 s2 y3 ");
  });
}

TEST(Select, OfTheSameQueueTwiceTakesOneItem) {
  simulate([]() -> task<> {
    queue<int> q(3);
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        EXPECT_EQ(std::get<0>(*co_await select(q, q)), 1);
        EXPECT_FALSE((co_await select(q, q)).has_value());
      });
      co_await sleep_for(1s);
      q.try_put(1);
      co_await sleep_for(1s);
      q.close();
    });
  });
}

TEST(Select, LeavesAClosedQueueOutAndEndsWhenAllAreClosedAndDrained) {
  simulate([]() -> task<> {
    queue<int> a(3);
    queue<int> b(3);
    a.try_put(1);
    a.close();
    std::vector<int> got;
    bool over = false;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        while (auto item = co_await select(a, b))
          got.push_back(std::visit([](int n) { return n; }, *item));
        over = true;
      });
      co_await sleep_for(1s);
      EXPECT_EQ(got, std::vector<int>{1});
      b.try_put(2);
      co_await sleep_for(1s);
      EXPECT_FALSE(over);
      b.close();
    });
    EXPECT_EQ(got, (std::vector<int>{1, 2}));
    EXPECT_FALSE((co_await select(a, b)).has_value());
  });
}

TEST(Select, WhileItWaitsAllButOneMayBeClosed) {
  simulate([]() -> task<> {
    queue<int> a(3);
    queue<int> b(3);
    auto [out, in] = make_channel<int>(1);
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        EXPECT_EQ(std::get<2>(*co_await select(a, in, b)), 5);
        EXPECT_FALSE((co_await select(a, in, b)).has_value());
      });
      co_await sleep_for(1s);
      a.close();
      out.close();  // the last sender
      co_await sleep_for(1s);
      b.try_put(5);
      co_await sleep_for(1s);
      b.close();
    });
  });
}

TEST(Select, ThrowsTheErrorThatAQueueWasClosedWith) {
  simulate([]() -> task<> {
    queue<int> a(3);
    queue<int> b(3);
    co_await with_task_group([&](task_group& g) -> task<> {
      for (int i = 0; i < 2; ++i)
        g.spawn([&]() -> task<> { EXPECT_THROW((void)co_await select(a, b), std::out_of_range); });
      co_await sleep_for(1s);
      b.close(std::make_exception_ptr(std::out_of_range("broken")));
    });
    EXPECT_THROW((void)co_await select(a, b), std::out_of_range);
    a.try_put(1);
    EXPECT_EQ(std::get<0>(*co_await select(a, b)), 1);  // what comes first comes first
  });
}

TEST(Select, GivesTheItemItWasHandedEvenIfItIsCancelledInTheSameTurn) {
  simulate([]() -> task<> {
    queue<int> a(1);
    queue<int> b(1);
    co_await with_task_group([&](task_group& g) -> task<> {
      bool got = false;
      auto h = g.spawn([&]() -> task<> {
        EXPECT_EQ(std::get<1>(*co_await select(a, b)), 1);
        got = true;
      });
      co_await sleep_for(1s);
      b.try_put(1);
      h.cancel();
      (void)co_await h.join();
      EXPECT_TRUE(got);
    });
  });
}

TEST(Select, OneCancelledBeforeTheItemLeavesItToTheNext) {
  simulate([]() -> task<> {
    queue<int> a(1);
    queue<int> b(1);
    co_await with_task_group([&](task_group& g) -> task<> {
      auto h = g.spawn([&]() -> task<> {
        (void)co_await select(a, b);
        ADD_FAILURE() << "it was cancelled";
      });
      g.spawn([&]() -> task<> { EXPECT_EQ(co_await a.get(), 1); });
      co_await sleep_for(1s);
      h.cancel();
      a.try_put(1);
    });
  });
}

TEST(Select, WithSomethingThereItIsNoCancellationPointAndDrawsOnTheBudget) {
  simulate([]() -> task<> {
    queue<int> a(unbounded);
    queue<int> b(unbounded);
    for (int i = 0; i < 1000; ++i) b.try_put(i);
    int got = 0;
    cancel_scope s;
    (void)co_await s.run([&]() -> task<> {
      s.cancel();
      for (;; ++got) (void)co_await select(a, b);
    });
    EXPECT_GT(got, 0);
    EXPECT_LE(got, 64);
    EXPECT_EQ(b.size(), 1000U - static_cast<std::size_t>(got));
  });
}

TEST(Select, InTheTreeItWaitsForAnItemOfOneOfSeveral) {
  simulate([]() -> task<> {
    queue<int> a(1);
    queue<int> b(1);
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> { (void)co_await select(a, b); });
      co_await yield_now();
      EXPECT_NE(task_tree().find("an item of one of several queues"), std::string::npos);
      a.close();
      b.close();
    });
  });
}

TEST(Select, IsCancelledAtEveryWaitAndNoItemIsLost) {
  int put = 0;
  int got = 0;
  int left = 0;
  std::size_t waits = 0;  // that the scenario has made
  const auto n = cancel_at_every_wait(
      reactor_kind::simulated,
      [&]() -> task<> {
        put = got = left = 0;
        waits = 1;  // for the group
        int closed = 0;
        queue<number> a(1);
        queue<number> b(1);
        struct counted {
          queue<number>& a;
          queue<number>& b;
          int& left;
          ~counted() { left += static_cast<int>(a.size() + b.size()); }
        } const count{a, b, left};
        co_await with_task_group([&](task_group& g) -> task<> {
          const auto produce = [&](queue<number>& q, std::chrono::milliseconds d) -> task<> {
            for (int i = 0; i < 4; ++i) {
              ++waits;
              co_await sleep_for(d);
              if (q.full()) ++waits;
              co_await q.put(make(i));
              ++put;
            }
            q.close();
            ++closed;
          };
          g.spawn(produce, std::ref(a), 2ms);
          g.spawn(produce, std::ref(b), 3ms);
          for (;;) {
            if (a.empty() && b.empty() && closed < 2) ++waits;
            if (!co_await select(a, b)) break;
            ++got;
            ++waits;
            co_await sleep_for(2ms);
          }
        });
      },
      [&] { EXPECT_EQ(put, got + left); });
  EXPECT_EQ(n.at_rest, waits);  // the last run was cancelled at none of them
}

// --- random schedules ----------------------------------------------------------------------------

namespace {

using id = std::size_t;
constexpr std::size_t queues = 3;

// Three queues. Whoever selects stands in several lines at once.
class select_model {
 public:
  explicit select_model(schedule& s) : s_(s) {}

  task<> operate(id me) {
    look();
    const std::int64_t what = s_.random.between(0, 99);
    const std::size_t q = s_.below(queues);
    if (what < 30) return puts(me, q);
    if (what < 40) return gets(me, q);
    if (what < 75) return selects(me, q);
    if (what < 86) return tries_to_put(q);
    if (what < 97) return tries_to_get(q);
    return closes(q);
  }
  void cancelled(id who) {
    for (line& l : lines_) std::erase_if(l.putters, [&](const auto& p) { return p.first == who; });
    leave_lines(who);
  }
  bool may_wait(id who) const {
    return std::any_of(lines_.begin(), lines_.end(), [&](const line& l) {
      return !l.closed && (contains(l.getters, who) ||
                           std::any_of(l.putters.begin(), l.putters.end(),
                                       [&](const auto& p) { return p.first == who; }));
    });
  }
  void at_end() {
    EXPECT_TRUE(hands_.empty());
    EXPECT_TRUE(put_.empty());
    for (std::size_t q = 0; q < queues; ++q)
      while (has_items(q)) {
        const auto last = q_[q].try_get();
        EXPECT_TRUE(last);
        if (!last) return;
        EXPECT_EQ(**last, take(q));
      }
    look();
  }

 private:
  struct line {
    std::deque<int> items;
    std::deque<std::pair<id, int>> putters;
    std::deque<id> getters;
    bool closed = false;
  };
  static constexpr std::size_t capacity = 2;

  static bool contains(const std::deque<id>& d, id who) {
    return std::find(d.begin(), d.end(), who) != d.end();
  }
  void leave_lines(id who) {
    for (line& l : lines_) std::erase(l.getters, who);
  }
  void look() const {
    for (std::size_t q = 0; q < queues; ++q) EXPECT_EQ(q_[q].size(), lines_[q].items.size());
  }

  bool has_room(std::size_t q) const {
    return lines_[q].items.size() < capacity || !lines_[q].getters.empty();
  }
  void give(std::size_t q, int n) {
    line& l = lines_[q];
    if (l.getters.empty()) {
      l.items.push_back(n);
      return;
    }
    const id who = l.getters.front();
    leave_lines(who);
    hands_[who] = {q, n};
  }
  bool has_items(std::size_t q) const {
    return !lines_[q].items.empty() || !lines_[q].putters.empty();
  }
  int take(std::size_t q) {
    line& l = lines_[q];
    const int n = l.items.front();
    l.items.pop_front();
    if (!l.putters.empty()) {
      put_.insert(l.putters.front().first);
      l.items.push_back(l.putters.front().second);
      l.putters.pop_front();
    }
    return n;
  }
  void taken(id me, std::size_t q, const std::optional<int>& n) {
    if (!n) {
      EXPECT_FALSE(hands_.contains(me));
      return;
    }
    EXPECT_TRUE(hands_.contains(me)) << "it was not its turn";
    EXPECT_EQ(hands_[me], std::pair(q, *n));
    hands_.erase(me);
    look();
  }

  task<> puts(id me, std::size_t q) {
    const int n = made_++;
    line& l = lines_[q];
    if (!l.closed) {
      if (has_room(q)) {
        give(q, n);
        put_.insert(me);
      } else if (!s_.marked(me)) {
        l.putters.emplace_back(me, n);
      }
    }
    try {
      co_await q_[q].put(make(n));
      EXPECT_EQ(put_.erase(me), 1U) << "its item is not in";
    } catch (const queue_closed&) {
      EXPECT_TRUE(l.closed);
      EXPECT_EQ(put_.count(me), 0U) << "its item is in";
    }
  }
  task<> gets(id me, std::size_t q) {
    if (has_items(q))
      hands_[me] = {q, take(q)};
    else if (!lines_[q].closed && !s_.marked(me))
      lines_[q].getters.push_back(me);
    const auto got = co_await q_[q].next();
    taken(me, q, got ? std::optional(**got) : std::nullopt);
    if (!got) EXPECT_TRUE(lines_[q].closed);
  }
  // Of all three, beginning with the q-th.
  task<> selects(id me, std::size_t q) {
    const std::array<std::size_t, queues> order{q, (q + 1) % queues, (q + 2) % queues};
    const auto first =
        std::find_if(order.begin(), order.end(), [&](std::size_t i) { return has_items(i); });
    if (first != order.end()) {
      hands_[me] = {*first, take(*first)};
    } else if (!s_.marked(me)) {
      for (const std::size_t i : order)
        if (!lines_[i].closed) lines_[i].getters.push_back(me);
    }
    const auto got = co_await select(q_[order[0]], q_[order[1]], q_[order[2]]);
    if (got) {
      taken(me, order.at(got->index()), std::visit([](const number& n) { return *n; }, *got));
    } else {
      taken(me, 0, std::nullopt);
      for (const line& l : lines_) EXPECT_TRUE(l.closed);
    }
  }
  task<> tries_to_put(std::size_t q) {
    const int n = made_++;
    try {
      const bool room = has_room(q);
      EXPECT_EQ(q_[q].try_put(make(n)), room);
      EXPECT_FALSE(lines_[q].closed);
      if (room) give(q, n);
    } catch (const queue_closed&) {
      EXPECT_TRUE(lines_[q].closed);
    }
    co_return;
  }
  task<> tries_to_get(std::size_t q) {
    const auto got = q_[q].try_get();
    EXPECT_EQ(got.has_value(), has_items(q));
    if (got) {
      const int n = take(q);
      EXPECT_EQ(**got, n);
    }
    co_return;
  }
  task<> closes(std::size_t q) {
    lines_[q].closed = true;
    lines_[q].putters.clear();
    lines_[q].getters.clear();
    q_[q].close();
    co_return;
  }

  schedule& s_;
  std::array<queue<number>, queues> q_{queue<number>(capacity), queue<number>(capacity),
                                       queue<number>(capacity)};
  std::array<line, queues> lines_;
  std::map<id, std::pair<std::size_t, int>> hands_;  // handed to one that has not resumed
  std::set<id> put_;                                 // whose item is in, and who has not resumed
  int made_ = 0;
};

// Two that select from the same queues, each cancelled at every wait.
struct two_selects {
  queue<number> a{1};
  queue<number> b{1};
  int put = 0;
  int got = 0;

  task<> take() {
    while (auto item = co_await select(a, b)) ++got;
  }
  task<> one() { return take(); }
  task<> other() { return take(); }
  task<> bystander() {
    for (int i = 0; i < 3; ++i) {
      co_await sleep_for(1ms);
      co_await (i % 2 == 0 ? a : b).put(make(i));
      ++put;
      if (a.try_put(make(i))) ++put;
    }
    a.close();
    b.close();
  }
  void check() const { EXPECT_EQ(put, got + static_cast<int>(a.size() + b.size())); }
};

}  // namespace

TEST(Schedules, Select) { rondo_test::random_schedules<select_model>(); }

TEST(Select, IsCancelledAtEveryPairOfWaits) {
  const auto n = cancel_pairs<two_selects>();
  EXPECT_GE(n.one, 2U);
  EXPECT_GE(n.other, 2U);
}
