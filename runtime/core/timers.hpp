// Timers: a hierarchical wheel of intrusive lists, exact to the nanosecond (after Varghese and
// Lauck, 1987).
//
//   level 0   64 slots of 1 ns, the nanoseconds around the wheel's position
//   level 1   64 slots of 64 ns
//     ⋮
//   level 10  slots of 64¹⁰ ns, 36 years
//
// A timer goes into the level of the highest group of six bits in which its deadline differs from
// the wheel's position, so everything in a level lies ahead of the position and before everything
// in the next level. The earliest slot of all is two bit scans away. When its time has come, the
// timers in it move down, once a level at most, and those of one slot of level 0 have the same
// deadline and stand in the order in which they were armed. No timer costs memory beyond itself,
// and arming and disarming take the same time however many there are.
//
// A timer armed in a turn is stamped by that turn's next clock reading: the loop reads the clock
// once a turn (24 ns a reading), and counting from the reading before would let a long step make a
// sleep end early. Until then it waits, in order, in a list.
#pragma once

#include <rondo/runtime/core/clock.hpp>
#include <rondo/runtime/core/intrusive_list.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace rondo::detail {

class timer : public list_node {
 public:
  using callback = void (*)(timer&) noexcept;

  explicit timer(callback fire) noexcept : fire_(fire) {}

  bool armed() const noexcept { return linked(); }
  // While it is armed: when it is due; counted from `now` as long as it waits to be stamped.
  time_point due(time_point now) const noexcept {
    return relative_ ? add(now, nanoseconds(when_)) : time_point(nanoseconds(when_));
  }

 private:
  friend class timer_wheel;
  static constexpr std::uint16_t in_no_slot = UINT16_MAX;  // in one of the other lists

  callback fire_;
  std::int64_t when_ = 0;  // ns: an offset while `relative_`, else a point in time
  std::uint16_t slot_ = in_no_slot;
  bool relative_ = false;  // and not stamped yet
};

class timer_wheel {
 public:
  timer_wheel() = default;
  timer_wheel(const timer_wheel&) = delete;
  timer_wheel& operator=(const timer_wheel&) = delete;
  // A timer may outlive its loop (a cancel_scope's deadline): it is not armed any more.
  ~timer_wheel() {
    const auto let_go = [](list& l) {
      while (l.pop_front()) {
      }
    };
    for (list& l : slots_) let_go(l);
    for (list* l : {&unstamped_, &overdue_, &never_due_}) let_go(*l);
  }

  // Due `after` from the next clock reading.
  void arm(timer& t, nanoseconds after) noexcept { enlist(t, after.count(), true); }
  // Due at `when`.
  void arm(timer& t, time_point when) noexcept {
    enlist(t, when.time_since_epoch().count(), false);
  }

  void disarm(timer& t) noexcept {
    if (!t.linked()) return;
    take_out(t);
    --size_;
  }

  // Gives the timers armed since the last call their place, counted from `now`.
  void stamp(time_point now) noexcept {
    while (timer* t = unstamped_.pop_front()) {
      if (t->relative_) t->when_ = add(now, nanoseconds(t->when_)).time_since_epoch().count();
      t->relative_ = false;
      place(*t);
    }
  }

  // Fires the timers that are due at `now`, earliest first, equal ones in the order in which they
  // were armed. What fires may arm and disarm others.
  void fire_due(time_point now) noexcept {
    const std::int64_t limit = now.time_since_epoch().count();
    while (!overdue_.empty() && overdue_.front().when_ <= limit) fire(overdue_.front());
    while (levels_ != 0) {
      const unsigned level = lowest_level();
      const unsigned slot = lowest_slot(level);
      if (start_of(level, slot) > limit) break;
      list& l = slots_[slot];
      timer& first = l.front();
      if (first.when_ <= limit && (level == 0 || l.only(first))) {
        position_ = first.when_;
        fire(first);
      } else {
        move_down(l, level, slot, limit);
      }
    }
    position_ = std::max(position_, limit);
  }

  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }
  bool unstamped() const noexcept { return !unstamped_.empty(); }
  // No stamped timer is due before. With few timers in the earliest slot, the deadline of the
  // first; with many, where that slot begins: firing what is due then, which is nothing, moves them
  // down.
  time_point next() const noexcept {
    if (!overdue_.empty()) return time_point(nanoseconds(overdue_.front().when_));
    if (levels_ == 0) return never;
    const unsigned level = lowest_level();
    const unsigned slot = lowest_slot(level);
    std::int64_t least = INT64_MAX;
    const bool all = slots_[slot].for_first(
        few, [&](const timer& t) noexcept { least = std::min(least, t.when_); });
    return time_point(nanoseconds(all ? least : start_of(level, slot)));
  }

 private:
  using list = intrusive_list<timer>;
  static constexpr unsigned group_bits = 6;
  static constexpr unsigned slots_a_level = 1U << group_bits;
  static constexpr unsigned level_count = (63 + group_bits - 1) / group_bits;
  static constexpr int few = 8;  // timers that next() looks at

  void enlist(timer& t, std::int64_t when, bool relative) noexcept {
    t.when_ = when;
    t.relative_ = relative;
    t.slot_ = timer::in_no_slot;
    unstamped_.push_back(t);
    ++size_;
  }

  void place(timer& t) noexcept {
    if (t.when_ < position_) {  // few, and all of them fire in this turn
      t.slot_ = timer::in_no_slot;
      overdue_.insert_sorted(t, [](const timer& a, const timer& b) { return a.when_ < b.when_; });
    } else if (t.when_ == INT64_MAX) {
      never_due_.push_back(t);
    } else {
      const auto when = static_cast<std::uint64_t>(t.when_);
      const std::uint64_t differing = when ^ static_cast<std::uint64_t>(position_);
      const unsigned level =
          differing == 0 ? 0 : (static_cast<unsigned>(std::bit_width(differing)) - 1) / group_bits;
      const unsigned bit = (when >> (level * group_bits)) % slots_a_level;
      t.slot_ = static_cast<std::uint16_t>(level * slots_a_level + bit);
      slots_[t.slot_].push_back(t);
      occupied_[level] |= std::uint64_t{1} << bit;
      levels_ |= 1U << level;
    }
  }

  void take_out(timer& t) noexcept {
    const list_node* before = t.prev;
    t.unlink();
    if (before->next == before && t.slot_ != timer::in_no_slot) vacate(t.slot_);
  }
  void vacate(unsigned slot) noexcept {
    const unsigned level = slot / slots_a_level;
    occupied_[level] &= ~(std::uint64_t{1} << slot % slots_a_level);
    if (occupied_[level] == 0) levels_ &= ~(1U << level);
  }

  void fire(timer& t) noexcept {
    disarm(t);
    t.fire_(t);
  }

  // The position enters a slot: its timers differ from it in a lower group now.
  void move_down(list& l, unsigned level, unsigned slot, std::int64_t limit) noexcept {
    // One that is alone and not due needs no stop at every level.
    position_ = l.only(l.front()) ? limit : start_of(level, slot);
    list moving;
    moving.take_all(l);
    vacate(slot);
    while (timer* t = moving.pop_front()) place(*t);
  }

  unsigned lowest_level() const noexcept {
    return static_cast<unsigned>(std::countr_zero(levels_));
  }
  unsigned lowest_slot(unsigned level) const noexcept {
    return level * slots_a_level + static_cast<unsigned>(std::countr_zero(occupied_[level]));
  }
  // The first nanosecond of a slot: the position's groups above, its own group, and zeros.
  std::int64_t start_of(unsigned level, unsigned slot) const noexcept {
    const unsigned shift = level * group_bits;
    const std::uint64_t above = shift + group_bits >= 64 ? 0
                                                         : static_cast<std::uint64_t>(position_) >>
                                                               (shift + group_bits) << group_bits;
    return static_cast<std::int64_t>((above | slot % slots_a_level) << shift);
  }

  // Nothing stamped is due before it, but for what is in overdue_. Never negative.
  std::int64_t position_ = 0;
  std::uint32_t levels_ = 0;                           // which have any
  std::array<std::uint64_t, level_count> occupied_{};  // slots of a level that have any
  std::array<list, std::size_t{level_count} * slots_a_level> slots_;
  list unstamped_;
  list overdue_;    // earliest first
  list never_due_;  // at the end of time
  std::size_t size_ = 0;
};

}  // namespace rondo::detail
