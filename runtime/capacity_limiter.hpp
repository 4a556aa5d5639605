// capacity_limiter: a semaphore whose size can be changed while it is in use.
//
//   capacity_limiter limit(8);
//   auto token = co_await limit.acquire();
//   // who holds a token keeps it; new ones wait until there are fewer than four
//   limit.set_total(4);
#pragma once

#include <rondo/runtime/core/amount.hpp>
#include <rondo/runtime/core/intrusive_list.hpp>
#include <rondo/runtime/wait.hpp>

#include <cstddef>
#include <optional>
#include <utility>

namespace rondo {

class capacity_limiter {
 public:
  class token;
  class acquire_wait;

  // 0: nobody gets a token until set_total says otherwise. Throws std::invalid_argument for a
  // negative number.
  explicit capacity_limiter(detail::amount total) noexcept : total_(total) {}
  capacity_limiter(const capacity_limiter&) = delete;
  capacity_limiter& operator=(const capacity_limiter&) = delete;
  // Destroying a limiter that somebody waits for, or has a token of, ends the program.
  ~capacity_limiter() {
    if (!line_.empty())
      detail::fatal("a capacity_limiter was destroyed while a task waited for it");
    if (borrowed_ > 0)
      detail::fatal("a capacity_limiter was destroyed while a token of it was out");
  }

  // Completes with a token. First come, first served. Cancellation: leaves the line.
  acquire_wait acquire() noexcept;
  // Without waiting: nullopt when none is free, or somebody waits.
  std::optional<token> try_acquire() noexcept;
  // How many may be out at a time; `unbounded` for no limit. Throws std::invalid_argument for a
  // negative number.
  void set_total(detail::amount n) noexcept {
    total_ = n;
    serve();
  }

  std::size_t total() const noexcept { return total_; }
  std::size_t borrowed() const noexcept { return borrowed_; }
  std::size_t available() const noexcept { return total_ > borrowed_ ? total_ - borrowed_ : 0; }

 private:
  inline void serve() noexcept;
  void give() noexcept {
    --borrowed_;
    serve();
  }
  bool take() noexcept {
    if (!line_.empty() || available() == 0) return false;
    ++borrowed_;
    return true;
  }

  detail::intrusive_list<acquire_wait> line_;
  std::size_t total_;
  std::size_t borrowed_ = 0;
};

// Gives its place back when it goes, which must be before the limiter does.
class [[nodiscard]] capacity_limiter::token {
 public:
  token(token&& other) noexcept : limiter_(std::exchange(other.limiter_, nullptr)) {}
  token& operator=(token&& other) noexcept {
    if (this != &other) {
      release();
      limiter_ = std::exchange(other.limiter_, nullptr);
    }
    return *this;
  }
  ~token() { release(); }
  void release() noexcept {
    if (limiter_) std::exchange(limiter_, nullptr)->give();
  }

 private:
  friend class capacity_limiter;
  explicit token(capacity_limiter& l) noexcept : limiter_(&l) {}
  capacity_limiter* limiter_;
};

class [[nodiscard("without co_await nothing happens")]] capacity_limiter::acquire_wait final
    : public detail::line_wait {
 public:
  explicit acquire_wait(capacity_limiter& l) noexcept : limiter_(&l) {}
  bool begin(detail::job& j) noexcept override {
    if (limiter_->take()) return true;
    if (j.stops_here()) return false;
    return stand_in(limiter_->line_, j);
  }
  void describe(detail::wait_visitor& v) const override { v.waits_for("a capacity limiter"); }
  token await_resume() noexcept { return token(*limiter_); }

 private:
  friend class capacity_limiter;
  capacity_limiter* limiter_;
};

inline void capacity_limiter::serve() noexcept {
  while (!line_.empty() && available() > 0) {
    ++borrowed_;
    line_.pop_front()->wake();
  }
}
inline capacity_limiter::acquire_wait capacity_limiter::acquire() noexcept {
  return acquire_wait(*this);
}
inline std::optional<capacity_limiter::token> capacity_limiter::try_acquire() noexcept {
  if (!take()) return std::nullopt;
  return token(*this);
}

}  // namespace rondo
