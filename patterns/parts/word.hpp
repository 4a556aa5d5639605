// One integer that is the whole state of a policy: plain, or shared between threads.
//
//   plain_word w(3);
//   bool changed = w.change([](std::int64_t& v) { return v > 0 && (--v, true); });
//
// A policy whose state fits one integer writes each step as a function from that integer to the
// next. On one loop's thread the step just runs; its thread-safe twin runs the same step in a
// compare-and-swap loop. The words carry no other memory with them, so that relaxed order is
// enough.
#pragma once

#include <atomic>
#include <cstdint>

namespace rondo::detail {

class plain_word {
 public:
  constexpr plain_word() noexcept = default;
  explicit constexpr plain_word(std::int64_t v) noexcept : value_(v) {}

  std::int64_t load() const noexcept { return value_; }
  // step(v) changes v and returns true, or leaves it and returns false; change returns the same.
  template <class Step>
  bool change(Step step) noexcept {
    return step(value_);
  }

 private:
  std::int64_t value_ = 0;
};

class atomic_word {
 public:
  constexpr atomic_word() noexcept = default;
  explicit constexpr atomic_word(std::int64_t v) noexcept : value_(v) {}

  std::int64_t load() const noexcept { return value_.load(std::memory_order_relaxed); }
  // The same; step may run several times, each with the value as it is then. Only the last run
  // counts.
  template <class Step>
  bool change(Step step) noexcept {
    std::int64_t seen = load();
    while (true) {
      std::int64_t next = seen;
      if (!step(next)) return false;
      if (value_.compare_exchange_weak(seen, next, std::memory_order_relaxed)) return true;
    }
  }

 private:
  std::atomic<std::int64_t> value_{0};
};

}  // namespace rondo::detail
