// barrier: n tasks wait for one another, again and again.
//
//   barrier b(3);
//   co_await b.arrive_and_wait();   // all three go on together
#pragma once

#include <rondo/runtime/core/amount.hpp>
#include <rondo/runtime/core/intrusive_list.hpp>
#include <rondo/runtime/wait.hpp>

#include <cstddef>
#include <stdexcept>

namespace rondo {

class barrier {
 public:
  class arrival;

  // Throws std::invalid_argument for 0 and for a negative number.
  explicit barrier(detail::amount parties) : parties_(parties) {
    if (parties == 0) throw std::invalid_argument("barrier: at least one task must arrive");
  }
  barrier(const barrier&) = delete;
  barrier& operator=(const barrier&) = delete;
  ~barrier() {
    if (!line_.empty()) detail::fatal("a barrier was destroyed while a task waited at it");
  }

  // Completes when as many as the barrier is for have arrived: with its place in the order of
  // arrival, 0 … parties − 1. The last to arrive goes on at once. Cancellation: the arrival is
  // taken back, and the others wait for another.
  arrival arrive_and_wait() noexcept;

  std::size_t parties() const noexcept { return parties_; }
  std::size_t waiting() const noexcept { return waiting_; }

 private:
  detail::intrusive_list<arrival> line_;
  std::size_t parties_;
  std::size_t waiting_ = 0;
};

class [[nodiscard("without co_await nothing happens")]] barrier::arrival final
    : public detail::line_wait {
 public:
  explicit arrival(barrier& b) noexcept : barrier_(&b) {}
  bool begin(detail::job& j) noexcept override {
    if (barrier_->waiting_ + 1 == barrier_->parties_) {
      barrier_->waiting_ = 0;
      std::size_t place = 0;
      while (arrival* a = barrier_->line_.pop_front()) {
        a->place_ = place++;
        a->wake();
      }
      place_ = place;
      return true;
    }
    if (j.stops_here()) return false;
    ++barrier_->waiting_;
    return stand_in(barrier_->line_, j);
  }
  void cancel(detail::job& j) noexcept override {
    --barrier_->waiting_;
    line_wait::cancel(j);
  }
  void describe(detail::wait_visitor& v) const override { v.waits_for("a barrier"); }
  std::size_t await_resume() const noexcept { return place_; }

 private:
  barrier* barrier_;
  std::size_t place_ = 0;
};

inline barrier::arrival barrier::arrive_and_wait() noexcept { return arrival(*this); }

}  // namespace rondo
