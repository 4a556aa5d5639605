// Timers: a 4-ary implicit heap with a back index, ordered by (deadline, order of creation).
//
// A timer is a node in its awaiter; the heap holds the key beside the pointer, so that a comparison costs
// no cache miss. Four functions are the whole interface: arm, disarm, next, pop_due.
//
// A timer armed in a turn is stamped by that turn's next clock reading: the loop reads the clock once a
// turn (24 ns a reading), and counting from the reading before would let a long step make a sleep end
// early. Until then it waits, in order, in a list.
#pragma once

#include <rondo/runtime/clock.hpp>
#include <rondo/runtime/intrusive_list.hpp>

#include <cstdint>
#include <vector>

namespace rondo::detail {

class timer : public list_node {
 public:
  using callback = void (*)(timer&) noexcept;

  explicit timer(callback fire) noexcept : fire_(fire) {}

  bool armed() const noexcept { return linked() || slot_ != no_slot; }
  // While it is armed: when it is due; counted from `now` as long as it waits to be stamped.
  time_point due(time_point now) const noexcept {
    return linked() && relative_ ? add(now, nanoseconds(when_)) : time_point(nanoseconds(when_));
  }

 private:
  friend class timer_heap;
  static constexpr std::uint32_t no_slot = UINT32_MAX;

  callback fire_;
  std::int64_t when_ = 0;  // ns: an offset while `relative_` and not stamped, else a point in time
  std::uint32_t slot_ = no_slot;
  bool relative_ = false;
};

class timer_heap {
 public:
  timer_heap() = default;
  timer_heap(const timer_heap&) = delete;
  timer_heap& operator=(const timer_heap&) = delete;
  // A timer may outlive its loop (a cancel_scope's deadline): it is not armed any more.
  ~timer_heap() {
    for (const node& n : heap_) n.t->slot_ = timer::no_slot;
    while (unstamped_.pop_front()) {
    }
  }

  // Due `after` from the next clock reading. Throws std::bad_alloc, then nothing has changed.
  void arm(timer& t, nanoseconds after) { enlist(t, after.count(), true); }
  // Due at `when`.
  void arm(timer& t, time_point when) { enlist(t, when.time_since_epoch().count(), false); }

  void disarm(timer& t) noexcept {
    if (t.linked()) {
      unstamped_.remove(t);
      --unstamped_count_;
    } else if (t.slot_ != timer::no_slot) {
      remove(t.slot_);
      t.slot_ = timer::no_slot;
    }
  }

  // Gives the timers armed since the last call their place, counted from `now`.
  void stamp(time_point now) noexcept {
    while (timer* t = unstamped_.pop_front()) {
      --unstamped_count_;
      if (t->relative_) t->when_ = add(now, nanoseconds(t->when_)).time_since_epoch().count();
      t->slot_ = static_cast<std::uint32_t>(heap_.size());
      heap_.push_back({t->when_, ++created_, t});  // room was reserved by arm
      up(t->slot_);
    }
  }

  // Fires the timers that are due at `now`, earliest first. What fires may arm and disarm others.
  void fire_due(time_point now) noexcept {
    const std::int64_t limit = now.time_since_epoch().count();
    while (!heap_.empty() && heap_.front().when <= limit) {
      timer& t = *heap_.front().t;
      remove(0);
      t.slot_ = timer::no_slot;
      t.fire_(t);
    }
  }

  bool empty() const noexcept { return size() == 0; }
  std::size_t size() const noexcept { return heap_.size() + unstamped_count_; }
  bool unstamped() const noexcept { return unstamped_count_ != 0; }
  time_point next() const noexcept {
    return heap_.empty() ? never : time_point(nanoseconds(heap_.front().when));
  }

 private:
  struct node {
    std::int64_t when;
    std::uint64_t created;
    timer* t;
  };
  static bool before(const node& a, const node& b) noexcept {
    return a.when != b.when ? a.when < b.when : a.created < b.created;
  }

  void enlist(timer& t, std::int64_t when, bool relative) {
    const std::size_t needed = heap_.size() + unstamped_count_ + 1;
    if (needed > heap_.capacity()) heap_.reserve(needed * 2);
    t.when_ = when;
    t.relative_ = relative;
    unstamped_.push_back(t);
    ++unstamped_count_;
  }
  void put(std::uint32_t i, node n) noexcept {
    heap_[i] = n;
    n.t->slot_ = i;
  }
  void up(std::uint32_t i) noexcept {
    const node n = heap_[i];
    while (i > 0) {
      const std::uint32_t parent = (i - 1) / 4;
      if (!before(n, heap_[parent])) break;
      put(i, heap_[parent]);
      i = parent;
    }
    put(i, n);
  }
  void down(std::uint32_t i) noexcept {
    const node n = heap_[i];
    const auto size = static_cast<std::uint32_t>(heap_.size());
    for (std::uint32_t first = 4 * i + 1; first < size; first = 4 * i + 1) {
      std::uint32_t least = first;
      for (std::uint32_t c = first + 1; c < first + 4 && c < size; ++c)
        if (before(heap_[c], heap_[least])) least = c;
      if (!before(heap_[least], n)) break;
      put(i, heap_[least]);
      i = least;
    }
    put(i, n);
  }
  void remove(std::uint32_t i) noexcept {
    const node last = heap_.back();
    heap_.pop_back();
    if (i == heap_.size()) return;
    put(i, last);
    if (i > 0 && before(last, heap_[(i - 1) / 4]))
      up(i);
    else
      down(i);
  }

  std::vector<node> heap_;
  intrusive_list<timer> unstamped_;
  std::size_t unstamped_count_ = 0;
  std::uint64_t created_ = 0;
};

}  // namespace rondo::detail
