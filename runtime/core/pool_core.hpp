// What pool<T> is made of, whatever T is: places, the line of those who wait for one, and what is
// kept until it has been idle for too long. Internal.
//
// A place is the right to have one thing, and mostly the thing. So many places are taken as things
// are lent, being made, checked or kept. While somebody waits nothing is kept and no place is free:
// what is given back goes from hand to hand, and a place that is left empty goes to who has waited
// longest, to make a new thing in.
#pragma once

#include <rondo/runtime/call_later.hpp>
#include <rondo/runtime/core/intrusive_list.hpp>
#include <rondo/runtime/core/shown.hpp>
#include <rondo/runtime/wait.hpp>

#include <cstddef>
#include <limits>
#include <memory>
#include <utility>

namespace rondo::detail {

class pool_core;

// One thing that is lent or kept.
class pool_thing : public list_node {
 public:
  pool_thing() = default;
  pool_thing(const pool_thing&) = delete;
  pool_thing& operator=(const pool_thing&) = delete;
  virtual ~pool_thing() = default;

  time_point made{};
  time_point since{};  // it was made, or given back
};

struct pool_bounds {
  std::size_t places = 10;
  std::size_t idle = std::numeric_limits<std::size_t>::max();
  nanoseconds idle_for = std::chrono::seconds(60);
  nanoseconds age = nanoseconds::max();
};

// Frees the place when it goes, and ends what stands in it.
class pool_place {
 public:
  pool_place() = default;
  pool_place(pool_core& p, std::unique_ptr<pool_thing> item) noexcept
      : pool_(&p), item_(std::move(item)) {}
  pool_place(pool_place&& other) noexcept
      : pool_(std::exchange(other.pool_, nullptr)), item_(std::move(other.item_)) {}
  pool_place& operator=(pool_place&& other) noexcept {
    if (this != &other) {
      leave();
      pool_ = std::exchange(other.pool_, nullptr);
      item_ = std::move(other.item_);
    }
    return *this;
  }
  ~pool_place() { leave(); }

  explicit operator bool() const noexcept { return pool_ != nullptr; }
  pool_thing* item() const noexcept { return item_.get(); }
  void put(std::unique_ptr<pool_thing> made) noexcept;
  // Ends what stands here, and takes something that is kept instead, if there is any.
  void replace() noexcept;
  // What stands here will do for the next.
  void give_back() noexcept;
  void leave() noexcept;

 private:
  pool_core* pool_ = nullptr;
  std::unique_ptr<pool_thing> item_;
};

class pool_core final : private shown {
 public:
  class wait;

  explicit pool_core(const pool_bounds& b) noexcept : bounds_(b) {}
  pool_core(const pool_core&) = delete;
  pool_core& operator=(const pool_core&) = delete;
  ~pool_core();

  // Completes with a place, and what is kept in one if there is any. Throws pool_closed.
  // Cancelled: leaves the line.
  wait take_place() noexcept;
  // Without waiting: what is kept and has been idle for less than `idle`; none when there is none.
  pool_place take_kept(nanoseconds idle) noexcept;
  void close() noexcept;

  bool closed() const noexcept { return closed_; }
  std::size_t limit() const noexcept { return bounds_.places; }
  std::size_t taken() const noexcept { return held_ + kept_count_; }
  std::size_t held() const noexcept { return held_; }
  std::size_t kept() const noexcept { return kept_count_; }
  std::size_t waiting() const noexcept;

 private:
  friend class pool_place;

  // Called when the next of what is kept is due, or destroyed uncalled because the loop ends.
  class look_again {
   public:
    explicit look_again(pool_core& p) noexcept : pool_(&p) {}
    look_again(look_again&& other) noexcept : pool_(std::exchange(other.pool_, nullptr)) {}
    look_again& operator=(look_again&&) = delete;
    ~look_again() {
      if (pool_) pool_->no_look();
    }
    void operator()() noexcept { std::exchange(pool_, nullptr)->look(); }

   private:
    pool_core* pool_;
  };

  void tell(shown_visitor& v) const override;
  bool grant(wait& w) noexcept;
  std::unique_ptr<pool_thing> take_fresh() noexcept;
  void returned(std::unique_ptr<pool_thing> item) noexcept;
  void vacated() noexcept;
  bool keep(pool_thing& item) noexcept;
  time_point due(const pool_thing& item) const noexcept;
  void look() noexcept;
  bool look_at(time_point when) noexcept;
  void stop_looking() noexcept;
  void no_look() noexcept;
  void forget_call() noexcept;
  void drop_kept() noexcept;

  pool_bounds bounds_;
  intrusive_list<wait> line_;
  intrusive_list<pool_thing> kept_;  // the most recent last
  std::size_t kept_count_ = 0;
  std::size_t held_ = 0;  // places in somebody's hands
  timer_handle looks_;
  time_point looks_at_ = never;
  bool changing_look_ = false;  // a call is taken back by the pool, not by the end of the loop
  bool closed_ = false;
};

class [[nodiscard("without co_await nothing happens")]] pool_core::wait final : public line_wait {
 public:
  explicit wait(pool_core& p) noexcept : pool_(&p) {}

  bool begin(job& j) noexcept override {
    if (pool_->closed_ || pool_->grant(*this)) return true;
    if (j.stops_here()) return false;
    return stand_in(pool_->line_, j);
  }
  void describe(wait_visitor& v) const override { v.waits_for("a pool's place"); }
  pool_place await_resume();

 private:
  friend class pool_core;
  pool_core* pool_;
  pool_place granted_;  // none: the pool is closed
};

inline pool_core::wait pool_core::take_place() noexcept { return wait(*this); }

}  // namespace rondo::detail
