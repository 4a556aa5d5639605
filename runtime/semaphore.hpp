// semaphore: at most n at a time.
//
//   semaphore s(10);
//   auto permit = co_await s.acquire();   // given back when `permit` goes
//
// First come, first served, also between those who want one permit and those who want several:
// nobody is passed, and permits go straight into the hands of who has waited longest. Not
// thread-safe.
#pragma once

#include <rondo/runtime/core/amount.hpp>
#include <rondo/runtime/core/intrusive_list.hpp>
#include <rondo/runtime/wait.hpp>

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <utility>

namespace rondo {

class semaphore {
 public:
  class permit;
  class acquire_wait;

  // Throws std::invalid_argument for 0 and for a negative number: no permit would ever be had.
  explicit semaphore(detail::amount permits) : free_(permits), total_(permits) {
    if (permits == 0) throw std::invalid_argument("semaphore: it needs at least one permit");
  }
  semaphore(const semaphore&) = delete;
  semaphore& operator=(const semaphore&) = delete;
  // Destroying a semaphore that somebody waits for, or has a permit of, ends the program.
  ~semaphore() {
    if (!line_.empty()) detail::fatal("a semaphore was destroyed while a task waited for it");
    if (free_ != total_) detail::fatal("a semaphore was destroyed while a permit of it was out");
  }

  // Completes with `n` permits. More than the semaphore has are never had: std::invalid_argument.
  // Cancellation: leaves the line, and whoever it held up goes on.
  acquire_wait acquire(detail::amount n = 1);
  // Without waiting: nullopt when they are not free, or somebody waits.
  std::optional<permit> try_acquire(detail::amount n = 1) noexcept;

  std::size_t available() const noexcept { return free_; }
  std::size_t total() const noexcept { return total_; }

 private:
  bool take(std::size_t n) noexcept {
    if (!line_.empty() || free_ < n) return false;
    free_ -= n;
    return true;
  }
  void give(std::size_t n) noexcept {
    free_ += n;
    serve();
  }
  inline void serve() noexcept;

  detail::intrusive_list<acquire_wait> line_;
  std::size_t free_;
  std::size_t total_;
};

// Gives its permits back when it goes, which must be before the semaphore does.
class [[nodiscard]] semaphore::permit {
 public:
  permit(permit&& other) noexcept
      : semaphore_(std::exchange(other.semaphore_, nullptr)), count_(other.count_) {}
  permit& operator=(permit&& other) noexcept {
    if (this != &other) {
      release();
      semaphore_ = std::exchange(other.semaphore_, nullptr);
      count_ = other.count_;
    }
    return *this;
  }
  ~permit() { release(); }

  // Before its time; once.
  void release() noexcept {
    if (semaphore_) std::exchange(semaphore_, nullptr)->give(count_);
  }

 private:
  friend class semaphore;
  permit(semaphore& s, std::size_t n) noexcept : semaphore_(&s), count_(n) {}
  semaphore* semaphore_;
  std::size_t count_;
};

class [[nodiscard("without co_await nothing happens")]] semaphore::acquire_wait final
    : public detail::line_wait {
 public:
  acquire_wait(semaphore& s, std::size_t n) noexcept : semaphore_(&s), count_(n) {}
  bool begin(detail::job& j) noexcept override {
    if (semaphore_->take(count_)) return true;
    if (j.stops_here()) return false;
    return stand_in(semaphore_->line_, j);
  }
  void cancel(detail::job& j) noexcept override {
    line_wait::cancel(j);
    semaphore_->serve();  // a large request may have held up smaller ones
  }
  void describe(detail::wait_visitor& v) const override {
    v.waits_for("a semaphore");
    v.size(semaphore_->free_, semaphore_->total_);
  }
  detail::wait_end end() const noexcept override { return {semaphore_, false}; }
  permit await_resume() noexcept { return {*semaphore_, count_}; }

 private:
  friend class semaphore;
  semaphore* semaphore_;
  std::size_t count_;
};

inline void semaphore::serve() noexcept {
  while (!line_.empty() && line_.front().count_ <= free_) {
    acquire_wait& w = *line_.pop_front();
    free_ -= w.count_;
    w.wake();
  }
}

inline semaphore::acquire_wait semaphore::acquire(detail::amount n) {
  if (n > total_)
    throw std::invalid_argument("semaphore::acquire: more permits than the semaphore has");
  return {*this, n};
}
inline std::optional<semaphore::permit> semaphore::try_acquire(detail::amount n) noexcept {
  if (!take(n)) return std::nullopt;
  return permit(*this, n);
}

}  // namespace rondo
