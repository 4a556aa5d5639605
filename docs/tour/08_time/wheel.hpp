// Timers in a wheel of wheels: to arm one and to cancel one takes the same time however many there
// are. Times are in nanoseconds, from some beginning.
//
//   level 0: 64 slots of 1 ns; level 1: 64 slots of 64 ns; level 2: 64 slots of 4,096 ns; …
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

namespace tour {

// begin node
struct timer_node {
  timer_node* prev = this;  // in a ring: a node that is in none is a ring of its own
  timer_node* next = this;

  timer_node() = default;
  timer_node(const timer_node&) = delete;
  timer_node& operator=(const timer_node&) = delete;

  bool linked() const { return next != this; }
  void unlink() {
    prev->next = next;
    next->prev = prev;
    prev = next = this;
  }
  void insert_before(timer_node& other) {
    prev = other.prev;
    next = &other;
    prev->next = other.prev = this;
  }
};

struct timer : timer_node {
  void (*fired)(timer&) = nullptr;
  std::int64_t when = 0;
};
// end node

class timer_wheel {
 public:
  // begin wheel
  // One that is armed already is cancelled first; one that is due fires with the next fire_due.
  void arm(timer& t, std::int64_t when) {
    t.unlink();
    t.when = std::clamp(when, position_, farthest);
    place(t);
  }
  static void cancel(timer& t) { t.unlink(); }

  // Fires all that are due at `now`, the earliest first, equal ones as they were armed.
  void fire_due(std::int64_t now) {
    for (std::int64_t begin = 0; (begin = next()) <= now;) {
      position_ = begin;
      timer_node ring;  // those of the slot that begins now
      ring.insert_before(*earliest_);
      earliest_->unlink();
      while (ring.linked()) {
        timer& t = static_cast<timer&>(*ring.next);
        t.unlink();
        if (t.when <= position_)
          t.fired(t);
        else
          place(t);  // into a lower level
      }
    }
    position_ = std::max(position_, now);
  }

  // No timer is due before; the end of time, if there is none.
  std::int64_t next() {
    for (unsigned level = 0; level < levels; ++level) {
      for (; filled_[level] != 0; filled_[level] &= filled_[level] - 1) {
        const auto slot = static_cast<unsigned>(std::countr_zero(filled_[level]));
        earliest_ = &slots_[level][slot];
        if (earliest_->linked()) return begin_of(level, slot);
      }  // those in it were cancelled
    }
    return INT64_MAX;
  }

 private:
  // A deadline belongs to the level of the highest six bits in which it differs from now.
  void place(timer& t) {
    const auto differing = static_cast<std::uint64_t>(t.when ^ position_);
    const auto level = differing == 0 ? 0 : (std::bit_width(differing) - 1) / bits;
    const std::int64_t slot = t.when >> (level * bits) & 63;
    t.insert_before(slots_[level][slot]);
    filled_[level] |= std::uint64_t{1} << slot;
  }
  // end wheel
  std::int64_t begin_of(unsigned level, unsigned slot) const {
    const unsigned shift = level * bits;
    const std::int64_t within = (std::int64_t{1} << (shift + bits)) - 1;
    return std::max(position_, (position_ & ~within) | std::int64_t{slot} << shift);
  }

  static constexpr unsigned bits = 6, levels = 10;
  static constexpr std::int64_t farthest = (std::int64_t{1} << (bits * levels)) - 1;  // 36 years

  std::int64_t position_ = 0;          // nothing is due before
  timer_node* earliest_ = nullptr;     // of next(): that slot
  std::uint64_t filled_[levels] = {};  // a bit for each slot that may have timers
  timer_node slots_[levels][1 << bits];
};

}  // namespace tour
