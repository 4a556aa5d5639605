// bulkhead: at most so many calls at a time; some more wait in a line, the rest is refused.
//
//   bulkhead ten(10);
//   bulkhead db(bulkhead::options(10).queue(100).queue_timeout(2s));
//   outcome<row> o = co_await db.run([&] { return query(id); });   // a rejection is an outcome
//   bulkhead::permit p = co_await db.acquire();  // throws `rejected`; given back when p goes
//
// It keeps one slow callee from taking all of a program's tasks, connections and memory with it.
// First come, first served: a permit that comes back goes straight into the hands of who has waited
// longest, so that no newcomer passes and none is lost; the permit of a waiter that is cancelled in
// the turn in which it was served moves on when it stops.
//
// One object serves one loop's thread and must outlive its calls. The name and the pattern are
// Nygard's ("Release It!", 2007).
#pragma once

#include <rondo/patterns/policy.hpp>
#include <rondo/runtime/core/amount.hpp>
#include <rondo/runtime/core/intrusive_list.hpp>
#include <rondo/runtime/core/timers.hpp>

#include <cstddef>
#include <optional>
#include <utility>

namespace rondo {

class bulkhead : public policy<bulkhead> {
 public:
  class options;
  class permit;
  class acquire_wait;
  class layer;
  static constexpr auto kind = detail::policy_kind::bulkhead;

  explicit bulkhead(detail::amount permits);
  bulkhead(const options& o) noexcept;  // NOLINT(google-explicit-constructor)
  bulkhead(const bulkhead&) = delete;
  bulkhead& operator=(const bulkhead&) = delete;
  // Destroying it while a call waits, or a permit is out, ends the program.
  ~bulkhead();

  // Completes with a permit, or fails with `rejected` (as_result: without an exception).
  // Cancellation: leaves the line.
  acquire_wait acquire() noexcept;
  // Without waiting and without passing the line: false when there is no room.
  [[nodiscard]] permit try_acquire() noexcept;

  std::size_t permits() const noexcept { return permits_; }
  std::size_t in_use() const noexcept { return permits_ - free_; }
  // Calls in the line.
  std::size_t waiting() const noexcept { return waiting_; }
  // For keyed.
  detail::replaceable replaceable(detail::time_point) const noexcept {
    return in_use() == 0 ? detail::replaceable::yes : detail::replaceable::no;
  }

 private:
  void give() noexcept {
    if (!line_.empty()) [[unlikely]]
      hand_over();
    else
      ++free_;
  }
  void hand_over() noexcept;

  std::size_t free_;  // none while somebody waits
  std::size_t permits_;
  std::size_t waiting_ = 0;
  std::size_t queue_;
  std::chrono::nanoseconds queue_timeout_;
  detail::intrusive_list<acquire_wait> line_;
};

// Every setter returns the object itself.
class bulkhead::options {
 public:
  // How many calls at a time. Throws std::invalid_argument for 0.
  explicit options(detail::amount permits);
  // How many more may wait (0).
  options& queue(detail::amount n) & noexcept {
    queue_ = n;
    return *this;
  }
  options&& queue(detail::amount n) && noexcept { return std::move(queue(n)); }
  // How long one may wait (no limit). Throws std::invalid_argument unless it is positive: for no
  // wait at all there is queue(0).
  template <class Rep, class Period>
  options& queue_timeout(std::chrono::duration<Rep, Period> d) & {
    queue_timeout_ = checked(detail::saturate(d));
    return *this;
  }
  template <class Rep, class Period>
  options&& queue_timeout(std::chrono::duration<Rep, Period> d) && {
    return std::move(queue_timeout(d));
  }

 private:
  friend class bulkhead;
  static std::chrono::nanoseconds checked(std::chrono::nanoseconds d);

  std::size_t permits_;
  std::size_t queue_ = 0;
  std::chrono::nanoseconds queue_timeout_ = std::chrono::nanoseconds::max();
};

// Room for one call, given back when it goes, which must be before the bulkhead does. Empty when
// there was none.
class [[nodiscard]] bulkhead::permit {
 public:
  permit() = default;
  permit(permit&& other) noexcept : bulkhead_(std::exchange(other.bulkhead_, nullptr)) {}
  permit& operator=(permit&& other) noexcept {
    if (this != &other) {
      release();
      bulkhead_ = std::exchange(other.bulkhead_, nullptr);
    }
    return *this;
  }
  ~permit() { release(); }

  explicit operator bool() const noexcept { return bulkhead_ != nullptr; }
  void release() noexcept {
    if (bulkhead_) std::exchange(bulkhead_, nullptr)->give();
  }

 private:
  friend class bulkhead;
  explicit permit(bulkhead& b) noexcept : bulkhead_(&b) {}
  bulkhead* bulkhead_ = nullptr;
};

class [[nodiscard("without co_await nothing happens")]] bulkhead::acquire_wait final
    : public detail::wait_base,
      public detail::list_node {
 public:
  // Waits no longer than `until`, nor than the bulkhead's queue timeout.
  explicit acquire_wait(bulkhead& b, detail::time_point until = detail::never) noexcept
      : bulkhead_(&b), until_(until) {}
  bool begin(detail::job& j) noexcept override {
    if (bulkhead_->free_ > 0) [[likely]] {
      --bulkhead_->free_;
      return true;
    }
    return wait(j);
  }
  void cancel(detail::job& j) noexcept override;
  void describe(detail::wait_visitor& v) const override { v.waits_for("a bulkhead"); }
  permit await_resume() { return take_outcome().value(); }
  outcome<permit> take_outcome();

 private:
  friend class bulkhead;
  enum class end : std::uint8_t { served, full, timed_out, too_late };
  struct queue_timer : detail::timer {
    queue_timer() noexcept : timer(&fired) {}
    static void fired(detail::timer& t) noexcept;
    acquire_wait* waiter = nullptr;
  };

  bool wait(detail::job& j) noexcept;
  void leave() noexcept;

  bulkhead* bulkhead_;
  end end_ = end::served;
  end when_time_is_up_ = end::timed_out;
  detail::time_point until_;
  detail::job* job_ = nullptr;
  queue_timer timer_;
};

// A call's part in it.
class bulkhead::layer {
 public:
  explicit layer(bulkhead& b) noexcept : bulkhead_(b) {}

  admission enter(call_context& c) noexcept {
    permit_ = bulkhead_.try_acquire();
    if (permit_) [[likely]]
      return admission::go();
    if (bulkhead_.waiting_ >= bulkhead_.queue_) return rejection{rejection_reason::bulkhead_full};
    wait_.emplace(bulkhead_, c.deadline());
    return admission::wait(*wait_);
  }
  admission resume(call_context&);
  template <class T>
  void leave(call_context&, outcome<T>&) noexcept {
    permit_.release();
  }

 private:
  bulkhead& bulkhead_;
  permit permit_;
  std::optional<acquire_wait> wait_;
};

// --- implementation ------------------------------------------------------------------------------

inline bulkhead::acquire_wait bulkhead::acquire() noexcept { return acquire_wait(*this); }

inline bulkhead::permit bulkhead::try_acquire() noexcept {
  if (free_ == 0) return {};
  --free_;
  return permit(*this);
}

}  // namespace rondo
