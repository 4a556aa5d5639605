// What a policy and the stack it is in say to each other during one call; how to write a policy is
// told in policy.hpp.
#pragma once

#include <rondo/patterns/verdict.hpp>
#include <rondo/runtime/core/clock.hpp>
#include <rondo/runtime/loop.hpp>
#include <rondo/runtime/wait.hpp>

#include <cstdint>

namespace rondo {

// A policy's answer to a call that wants to go inward.
class admission {
 public:
  enum class kind : std::uint8_t { go, refuse, wait, answer, expire };

  // Go on. The policy's leave() will be called when what is inside has ended.
  static constexpr admission go() noexcept { return admission(kind::go); }
  // The call ends here, with the rejection. This policy has not been entered: no leave().
  constexpr admission(rejection why) noexcept  // NOLINT(google-explicit-constructor): return why;
      : kind_(kind::refuse), reason_(why.reason), number_(why.retry_after.count()) {}
  // Not yet: await `w` first, then ask resume(). `w` stands in the layer, and its wait is over by
  // the context's deadline: a policy whose line is longer sets a timer, and says expire() then.
  static constexpr admission wait(detail::waitable& w) noexcept {
    admission a(kind::wait);
    a.waits_for_ = &w;
    return a;
  }
  // The policy has the result itself: answer() will be asked for it. No leave().
  static constexpr admission answer() noexcept { return admission(kind::answer); }
  // The context's deadline came while it waited: whoever set that deadline says so. No leave().
  static constexpr admission expire() noexcept { return admission(kind::expire); }

  constexpr kind what() const noexcept { return kind_; }
  // Of a refusal.
  constexpr rejection why() const noexcept { return {reason_, std::chrono::nanoseconds(number_)}; }
  // Of a wait.
  constexpr detail::waitable& waits_for() const noexcept { return *waits_for_; }

 private:
  explicit constexpr admission(kind k) noexcept : kind_(k) {}
  kind kind_;
  rejection_reason reason_{};
  union {
    std::int64_t number_ = 0;
    detail::waitable* waits_for_;
  };
};

// A policy's answer when what is inside it has ended.
class decision {
 public:
  enum class kind : std::uint8_t { pass, again, substitute };

  // The result, which the policy may have changed, goes outward.
  static constexpr decision pass() noexcept { return decision(kind::pass); }
  // Once more, after the delay. The policy stays entered; its leave() will be called again. The
  // result is destroyed before the delay begins. A delay that would end at the nearest deadline or
  // later is not begun: the result goes outward then.
  static constexpr decision again(std::chrono::nanoseconds after) noexcept {
    decision d(kind::again);
    d.delay_ = after;
    return d;
  }
  // Await the task that substitute() makes; its result goes outward instead.
  static constexpr decision substitute() noexcept { return decision(kind::substitute); }

  constexpr kind what() const noexcept { return kind_; }
  constexpr std::chrono::nanoseconds delay() const noexcept { return delay_; }

 private:
  explicit constexpr decision(kind k) noexcept : kind_(k) {}
  kind kind_;
  std::chrono::nanoseconds delay_{};
};

// One call on its way through a stack: the time, and the deadline that the policies further out
// have set. On the loop's thread.
class call_context {
 public:
  // A deadline and who set it; `owner` is only compared.
  struct limit {
    detail::time_point deadline = detail::never;
    const void* owner = nullptr;
  };

  call_context() = default;
  call_context(const call_context&) = delete;
  call_context& operator=(const call_context&) = delete;

  // The loop's time: cached, and equal for all that happens in one turn.
  detail::time_point now() const noexcept { return this_loop().now(); }
  // The nearest deadline of the policies further out; detail::never when there is none. What is
  // inside is ended then.
  detail::time_point deadline() const noexcept { return limit_.deadline; }
  // The same with the timeouts around the caller: what is worth waiting for must end before.
  // Looks through the scopes around the caller, so it is for when something has failed.
  detail::time_point nearest_deadline() const;

  // For timeouts. Sets the deadline for what is inside unless there is an earlier one (of equal
  // ones the outermost counts), and gives what was in force, for restore() in leave().
  limit narrow(detail::time_point deadline, const void* owner) noexcept {
    const limit before = limit_;
    if (deadline < before.deadline) limit_ = {deadline, owner};
    return before;
  }
  void restore(limit before) noexcept {
    if (limit_.owner != before.owner) {
      limit_ = before;
      expired_ = false;
    }
  }
  // The deadline set by `owner` has ended what was inside. Policies further in see it end as
  // cancelled, which says nothing about the callee.
  bool expired(const void* owner) const noexcept { return expired_ && limit_.owner == owner; }

  // For the stack: the deadline in force has come.
  void expire() noexcept { expired_ = true; }

 private:
  limit limit_;
  bool expired_ = false;
};

}  // namespace rondo
