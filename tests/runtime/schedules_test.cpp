// Random schedules of everything that tasks stand in line for, each against a model of it that is
// simple enough to be seen to be right: order, conservation, mutual exclusion, and that everything
// ends.

#include "support/schedules.hpp"

#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace rondo;
using rondo_test::random_schedules;
using rondo_test::schedule;

using id = std::size_t;

// Takes `who` out of a line; true if it was there.
template <class Line, class Of>
bool leave(Line& line, id who, Of of) {
  const auto there =
      std::find_if(line.begin(), line.end(), [&](const auto& entry) { return of(entry) == who; });
  if (there == line.end()) return false;
  line.erase(there);
  return true;
}
bool leave(std::deque<id>& line, id who) {
  return leave(line, who, [](id entry) { return entry; });
}
template <class T>
T pop(std::deque<T>& line) {
  T first = std::move(line.front());
  line.pop_front();
  return first;
}

// --- mutex ---------------------------------------------------------------------------------------

class mutex_model {
 public:
  explicit mutex_model(schedule& s) : s_(s) {}

  task<> operate(id me) {
    look();
    std::optional<mutex::guard> guard;
    if (s_.random.chance(0.25)) {
      guard = m_.try_lock();
      EXPECT_EQ(guard.has_value(), !holder_);
      if (!guard) co_return;
      holder_ = me;
    } else {
      if (!holder_)
        holder_ = me;
      else if (!s_.marked(me))
        line_.push_back(me);
      guard = co_await m_.lock();
      EXPECT_EQ(holder_, me);
    }
    const held lock{*this, std::move(*guard), me};
    look();
    co_await s_.pause();
    EXPECT_EQ(holder_, me);
  }
  void cancelled(id who) { leave(line_, who); }
  bool may_wait(id) const { return false; }
  void at_end() const {
    EXPECT_FALSE(holder_);
    look();
  }

 private:
  void look() const { EXPECT_EQ(m_.is_locked(), holder_.has_value()); }
  struct held {
    mutex_model& model;
    mutex::guard guard;
    id me;
    ~held() {
      EXPECT_EQ(model.holder_, me);
      model.holder_.reset();
      if (!model.line_.empty()) model.holder_ = pop(model.line_);
      guard.unlock();
      model.look();
    }
  };

  schedule& s_;
  mutex m_;
  std::optional<id> holder_;
  std::deque<id> line_;
};

TEST(Schedules, Mutex) { random_schedules<mutex_model>(); }

// --- semaphore -----------------------------------------------------------------------------------

class semaphore_model {
 public:
  explicit semaphore_model(schedule& s)
      : s_(s), total_(s.below(4) + 1), sem_(total_), free_(total_) {}

  task<> operate(id me) {
    look();
    const std::size_t n = s_.below(total_ + 1);
    std::optional<semaphore::permit> permit;
    const bool now = line_.empty() && n <= free_;
    if (s_.random.chance(0.25)) {
      permit = sem_.try_acquire(n);
      EXPECT_EQ(permit.has_value(), now);
      if (!permit) co_return;
      free_ -= n;
    } else {
      if (now) {
        free_ -= n;
        served_.insert(me);
      } else if (!s_.marked(me)) {
        line_.push_back({me, n});
      }
      permit = co_await sem_.acquire(n);
      EXPECT_EQ(served_.erase(me), 1U) << "it was not its turn";
    }
    const held here{*this, std::move(*permit), n};
    look();
    co_await s_.pause();
  }
  void cancelled(id who) {
    if (leave(line_, who, [](const auto& w) { return w.first; })) serve();
  }
  bool may_wait(id) const { return false; }
  void at_end() const {
    EXPECT_TRUE(served_.empty());
    EXPECT_EQ(free_, total_);
    look();
  }

 private:
  struct held {
    semaphore_model& model;
    semaphore::permit permit;
    std::size_t n;
    ~held() {
      model.free_ += n;
      model.serve();
      permit.release();
      model.look();
    }
  };
  void serve() {
    while (!line_.empty() && line_.front().second <= free_) {
      const auto [who, n] = pop(line_);
      free_ -= n;
      served_.insert(who);
    }
  }
  void look() const { EXPECT_EQ(sem_.available(), free_); }

  schedule& s_;
  std::size_t total_;
  semaphore sem_;
  std::size_t free_;
  std::deque<std::pair<id, std::size_t>> line_;
  std::set<id> served_;
};

TEST(Schedules, Semaphore) { random_schedules<semaphore_model>(); }

// --- capacity_limiter ----------------------------------------------------------------------------

class limiter_model {
 public:
  explicit limiter_model(schedule& s) : s_(s), total_(s.below(4)), limiter_(total_) {}

  task<> operate(id me) {
    look();
    if (s_.random.chance(0.2)) {
      total_ = s_.below(5);
      serve();
      limiter_.set_total(total_);
      look();
      co_return;
    }
    std::optional<capacity_limiter::token> token;
    const bool now = line_.empty() && out_ < total_;
    if (s_.random.chance(0.25)) {
      token = limiter_.try_acquire();
      EXPECT_EQ(token.has_value(), now);
      if (!token) co_return;
      ++out_;
    } else {
      if (now) {
        ++out_;
        served_.insert(me);
      } else if (!s_.marked(me)) {
        line_.push_back(me);
      }
      token = co_await limiter_.acquire();
      EXPECT_EQ(served_.erase(me), 1U) << "it was not its turn";
    }
    const held here{*this, std::move(*token)};
    look();
    co_await s_.pause();
  }
  void cancelled(id who) { leave(line_, who); }
  bool may_wait(id who) const {
    return out_ == 0 && total_ == 0 && std::find(line_.begin(), line_.end(), who) != line_.end();
  }
  void at_end() const {
    EXPECT_TRUE(served_.empty());
    EXPECT_EQ(out_, 0U);
    look();
  }

 private:
  struct held {
    limiter_model& model;
    capacity_limiter::token token;
    ~held() {
      --model.out_;
      model.serve();
      token.release();
      model.look();
    }
  };
  void serve() {
    for (; !line_.empty() && out_ < total_; ++out_) served_.insert(pop(line_));
  }
  void look() const { EXPECT_EQ(limiter_.borrowed(), out_); }

  schedule& s_;
  std::size_t total_;
  capacity_limiter limiter_;
  std::size_t out_ = 0;
  std::deque<id> line_;
  std::set<id> served_;
};

TEST(Schedules, CapacityLimiter) { random_schedules<limiter_model>(); }

// --- condition -----------------------------------------------------------------------------------

class condition_model {
 public:
  explicit condition_model(schedule& s) : s_(s) {}

  task<> operate(id me) {
    look();
    if (s_.random.chance(0.3)) {
      notify_some();
      co_return;
    }
    if (!holder_)
      holder_ = me;
    else if (!s_.marked(me))
      line_.push_back(me);
    held lock{*this, co_await m_.lock(), me};
    EXPECT_EQ(holder_, me);
    if (s_.random.chance(0.3)) notify_some();
    co_await s_.pause();
    if (s_.random.chance(0.6)) {
      if (!s_.marked(me)) {
        waiting_.push_back(me);
        unlock();
      }
      co_await c_.wait(lock.guard);
      EXPECT_TRUE(lock.guard.owns_lock());
      EXPECT_EQ(holder_, me);
      EXPECT_EQ(notified_.erase(me), 1U) << "nobody notified it";
      EXPECT_FALSE(stopped_.contains(me));
      if (s_.random.chance(0.3)) notify_some();
      co_await s_.pause();
    }
  }
  void cancelled(id who) {
    if (leave(waiting_, who)) {
      stopped_.insert(who);
      lock_again(who);
    } else if (notified_.contains(who) &&
               std::find(line_.begin(), line_.end(), who) != line_.end()) {
      notified_.erase(who);
      stopped_.insert(who);
      notify(1);  // it moves on
    } else {
      leave(line_, who);
    }
  }
  bool may_wait(id who) const {
    return std::find(waiting_.begin(), waiting_.end(), who) != waiting_.end();
  }
  void at_end() const {
    EXPECT_FALSE(holder_);
    look();
    EXPECT_TRUE(line_.empty());
    EXPECT_TRUE(notified_.empty());
  }

 private:
  struct held {
    condition_model& model;
    mutex::guard guard;
    id me;
    // However it ends, in wait() too, it has the lock.
    ~held() {
      EXPECT_TRUE(guard.owns_lock());
      EXPECT_EQ(model.holder_, me);
      model.unlock();
      guard.unlock();
      model.look();
    }
  };
  void look() const { EXPECT_EQ(m_.is_locked(), holder_.has_value()); }
  void unlock() {
    holder_.reset();
    if (!line_.empty()) holder_ = pop(line_);
  }
  void lock_again(id who) {
    if (holder_)
      line_.push_back(who);
    else
      holder_ = who;
  }
  void notify(std::size_t n) {
    for (; n > 0 && !waiting_.empty(); --n) {
      const id who = pop(waiting_);
      notified_.insert(who);
      lock_again(who);
    }
  }
  void notify_some() {
    if (s_.random.chance(0.2)) {
      notify(waiting_.size());
      c_.notify_all();
    } else {
      const std::size_t n = s_.below(3);
      notify(n);
      c_.notify(n);
    }
    s_.maybe_cancel_somebody();  // in the same turn
  }

  schedule& s_;
  mutex m_;
  condition c_;
  std::optional<id> holder_;
  std::deque<id> line_;     // for the mutex: newcomers, the notified and the stopped
  std::deque<id> waiting_;  // for a notification
  std::set<id> notified_;
  std::set<id> stopped_;
};

TEST(Schedules, Condition) { random_schedules<condition_model>(); }

// --- barrier -------------------------------------------------------------------------------------

class barrier_model {
 public:
  explicit barrier_model(schedule& s) : s_(s), parties_(s.below(s.actors()) + 1), b_(parties_) {}

  task<> operate(id me) {
    EXPECT_EQ(b_.waiting(), line_.size());
    if (line_.size() + 1 == parties_) {
      std::size_t place = 0;
      while (!line_.empty()) places_[pop(line_)] = place++;
      places_[me] = place;
    } else if (!s_.marked(me)) {
      line_.push_back(me);
    }
    const std::size_t place = co_await b_.arrive_and_wait();
    EXPECT_TRUE(places_.contains(me)) << "not everyone was there";
    EXPECT_EQ(place, places_[me]);
    places_.erase(me);
    EXPECT_EQ(b_.waiting(), line_.size());
  }
  void cancelled(id who) { leave(line_, who); }
  bool may_wait(id who) const { return std::find(line_.begin(), line_.end(), who) != line_.end(); }
  void at_end() const {
    EXPECT_TRUE(places_.empty());
    EXPECT_EQ(b_.waiting(), 0U);
  }

 private:
  schedule& s_;
  std::size_t parties_;
  barrier b_;
  std::deque<id> line_;
  std::map<id, std::size_t> places_;  // who has been let through and has not resumed
};

TEST(Schedules, Barrier) { random_schedules<barrier_model>(); }

// --- queues --------------------------------------------------------------------------------------

// An item that can be moved only, with a number of its own.
struct item {
  std::unique_ptr<int> number;
  int urgency() const { return *number % 3; }
  friend bool operator<(const item& a, const item& b) { return a.urgency() < b.urgency(); }
};

// In which order the model gives what it has: the position of the next.
struct oldest_first {
  static std::size_t next(const std::deque<int>&) { return 0; }
};
struct newest_first {
  static std::size_t next(const std::deque<int>& d) { return d.size() - 1; }
};
struct most_urgent_first {
  static std::size_t next(const std::deque<int>& d) {
    const auto most =
        std::max_element(d.begin(), d.end(), [](int a, int b) { return a % 3 < b % 3; });
    return static_cast<std::size_t>(most - d.begin());  // the oldest of several
  }
};

// A queue, and the two ends of a channel, by the same names.
template <class Queue>
struct whole_queue {
  explicit whole_queue(std::size_t capacity) : q(capacity) {}
  static constexpr std::size_t least = 1;
  auto put(item i) { return q.put(std::move(i)); }
  auto get() { return q.get(); }
  auto next() { return q.next(); }
  bool try_put(item&& i) { return q.try_put(std::move(i)); }
  std::optional<item> try_get() { return q.try_get(); }
  void close() { q.close(); }
  void look(std::size_t items) const { EXPECT_EQ(q.size(), items); }
  Queue q;
};
struct whole_channel {
  explicit whole_channel(std::size_t capacity) : ends(make_channel<item>(capacity)) {}
  static constexpr std::size_t least = 0;
  auto put(item i) { return ends.first.send(std::move(i)); }
  auto get() { return ends.second.receive(); }
  auto next() { return ends.second.next(); }
  bool try_put(item&& i) { return ends.first.try_send(std::move(i)); }
  std::optional<item> try_get() { return ends.second.try_receive(); }
  void look(std::size_t) const {}
  std::pair<channel_sender<item>, channel_receiver<item>> ends;
};

template <class Queue, class Order>
class queue_model {
 public:
  explicit queue_model(schedule& s) : s_(s), capacity_(Queue::least + s.below(4)), q_(capacity_) {}

  task<> operate(id me) {
    q_.look(items_.size());
    const std::int64_t what = s_.random.between(0, 99);
    if (what < 35) return puts(me);
    if (what < 70) return gets(me);
    if (what < 84) return tries_to_put();
    if (what < 98) return tries_to_get();
    return closes();
  }
  void cancelled(id who) {
    leave(putters_, who, [](const auto& p) { return p.first; });
    leave(getters_, who);
  }
  bool may_wait(id who) const {
    const bool puts = std::any_of(putters_.begin(), putters_.end(),
                                  [&](const auto& p) { return p.first == who; });
    const bool gets = std::find(getters_.begin(), getters_.end(), who) != getters_.end();
    EXPECT_TRUE(putters_.empty() || items_.size() == capacity_);
    EXPECT_TRUE(getters_.empty() || (items_.empty() && putters_.empty()));
    return (puts || gets) && !closed_;
  }
  void at_end() {
    EXPECT_TRUE(hands_.empty());
    EXPECT_TRUE(put_.empty());
    while (!items_.empty()) {
      const auto last = q_.try_get();
      EXPECT_TRUE(last);
      if (!last) return;
      EXPECT_EQ(*last->number, take());
    }
    EXPECT_FALSE(q_.try_get());
    EXPECT_EQ(went_in_, came_out_);
  }

 private:
  item make() { return item{std::make_unique<int>(made_++)}; }

  bool has_room() const { return items_.size() < capacity_ || !getters_.empty(); }
  void give(int number) {
    ++went_in_;
    if (getters_.empty()) {
      items_.push_back(number);
    } else {
      hands_[pop(getters_)] = number;
      ++came_out_;
    }
  }
  bool has_items() const { return !items_.empty() || !putters_.empty(); }
  // What is there goes first; the room it leaves is the first putter's. Without room it comes from
  // its hands.
  int take() {
    ++came_out_;
    if (items_.empty()) return pass_on();
    const std::size_t next = Order::next(items_);
    const int number = items_[next];
    items_.erase(items_.begin() + static_cast<std::ptrdiff_t>(next));
    if (!putters_.empty()) items_.push_back(pass_on());
    return number;
  }
  int pass_on() {
    const auto [who, number] = pop(putters_);
    put_.insert(who);
    ++went_in_;
    return number;
  }

  task<> puts(id me) {
    item mine = make();
    const int number = *mine.number;
    const bool refused = closed_;
    if (!closed_) {
      if (has_room()) {
        give(number);
        put_.insert(me);
      } else if (!s_.marked(me)) {
        putters_.emplace_back(me, number);
      }
    }
    try {
      co_await q_.put(std::move(mine));
      EXPECT_EQ(put_.erase(me), 1U) << "its item is not in";
      EXPECT_FALSE(refused);
    } catch (const queue_closed&) {
      EXPECT_TRUE(closed_);
      EXPECT_EQ(put_.count(me), 0U) << "its item is in";
    }
    q_.look(items_.size());
  }
  task<> gets(id me) {
    if (has_items())
      hands_[me] = take();
    else if (!closed_ && !s_.marked(me))
      getters_.push_back(me);
    std::optional<item> got;
    if (s_.random.chance(0.5)) {
      got = co_await q_.next();
    } else {
      try {
        got = co_await q_.get();
      } catch (const queue_closed&) {
        EXPECT_TRUE(closed_);
      }
    }
    if (!got) {
      EXPECT_TRUE(closed_);
      EXPECT_FALSE(hands_.contains(me));
      co_return;
    }
    EXPECT_TRUE(hands_.contains(me)) << "it was not its turn";
    EXPECT_TRUE(got->number);
    if (got->number) EXPECT_EQ(*got->number, hands_[me]);
    hands_.erase(me);
    q_.look(items_.size());
  }
  task<> tries_to_put() {
    item mine = make();
    const int number = *mine.number;
    try {
      EXPECT_EQ(q_.try_put(std::move(mine)), has_room());
      EXPECT_FALSE(closed_);
      if (has_room())
        give(number);
      else
        EXPECT_TRUE(
            mine.number);  // NOLINT(bugprone-use-after-move): it moves only when it returns true
    } catch (const queue_closed&) {
      EXPECT_TRUE(closed_);
    }
    q_.look(items_.size());
    co_return;
  }
  task<> tries_to_get() {
    const auto got = q_.try_get();
    EXPECT_EQ(got.has_value(), has_items());
    if (got) {
      const int number = take();
      EXPECT_EQ(*got->number, number);
    }
    q_.look(items_.size());
    co_return;
  }
  task<> closes() {
    if constexpr (requires { q_.close(); }) {
      closed_ = true;
      putters_.clear();
      getters_.clear();
      q_.close();
    }
    co_return;
  }

  schedule& s_;
  std::size_t capacity_;
  Queue q_;
  std::deque<int> items_;
  std::deque<std::pair<id, int>> putters_;
  std::deque<id> getters_;
  std::map<id, int> hands_;  // what has been given to a getter that has not resumed
  std::set<id> put_;         // whose item is in, and who has not resumed
  bool closed_ = false;
  int made_ = 0;
  int went_in_ = 0;
  int came_out_ = 0;
};

TEST(Schedules, Queue) { random_schedules<queue_model<whole_queue<queue<item>>, oldest_first>>(); }
TEST(Schedules, LifoQueue) {
  random_schedules<queue_model<whole_queue<lifo_queue<item>>, newest_first>>();
}
TEST(Schedules, PriorityQueue) {
  random_schedules<queue_model<whole_queue<priority_queue<item>>, most_urgent_first>>();
}
TEST(Schedules, Channel) { random_schedules<queue_model<whole_channel, oldest_first>>(); }

}  // namespace
