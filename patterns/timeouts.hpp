// attempt_timeout and total_timeout: a call, or all of a call's attempts, must end in time.
//
//   auto stack = compose(total_timeout(30s), retry(), breaker, attempt_timeout(10s));
//   outcome<reply> o = co_await stack.run(fetch, url);
//   if (o.code() == timeout_cause::total) …          // ended by the whole stack's deadline
//
// Three ways to be stopped, told apart: an attempt that its own timeout ended is a failure, which
// the policies further out see and count (timeout_cause::attempt); a call that the total deadline
// ended says nothing about the callee to what is inside, and is timeout_cause::total outside; a
// cancellation by the caller is no result at all: the call is unwound.
//
// A deadline may come late, by a step's length, never early. The call's cleanup is waited for; an
// error from it wins over the timeout; what the call ended with counts if it ended otherwise. Of
// deadlines that come together the outermost counts.
#pragma once

#include <rondo/patterns/policy.hpp>
#include <rondo/runtime/errors.hpp>

namespace rondo {

enum class timeout_cause : std::uint8_t { attempt = 1, total };

// What value() throws for it. A timed_out, as for timeout().
class call_timed_out : public timed_out {
 public:
  explicit call_timed_out(timeout_cause cause);
  timeout_cause cause() const noexcept { return cause_; }

 private:
  timeout_cause cause_;
};

namespace detail {

small_error small_error_of(timeout_cause cause) noexcept;
const std::error_category& timeout_category() noexcept;
// Throws std::invalid_argument when there is no time at all.
nanoseconds checked_limit(timeout_cause cause, nanoseconds limit);

// What the two have in common.
template <timeout_cause Cause>
class call_limit {
 public:
  std::chrono::nanoseconds limit() const noexcept { return limit_; }

  class layer {
   public:
    static constexpr bool limits_time = true;
    explicit layer(const call_limit& t) noexcept : limit_(t.limit_) {}
    admission enter(call_context& c) noexcept {
      before_ = c.narrow(add(c.now(), limit_), this);
      return admission::go();
    }
    template <class T>
    void leave(call_context& c, outcome<T>& r) noexcept {
      if (c.expired(this)) [[unlikely]]
        r = outcome<T>(small_error_of(Cause));
      c.restore(before_);
    }

   private:
    nanoseconds limit_;
    call_context::limit before_;
  };

 protected:
  explicit call_limit(nanoseconds limit) : limit_(checked_limit(Cause, limit)) {}

 private:
  nanoseconds limit_;
};

}  // namespace detail

// For one call of the function: inside retry. Throws std::invalid_argument for a limit that is zero
// or negative.
class attempt_timeout : public policy<attempt_timeout>,
                        public detail::call_limit<timeout_cause::attempt> {
 public:
  static constexpr auto kind = detail::policy_kind::attempt_timeout;
  // Throws std::invalid_argument unless the limit is positive.
  template <class Rep, class Period>
  explicit attempt_timeout(std::chrono::duration<Rep, Period> limit)
      : call_limit(detail::saturate(limit)) {}
};

// For everything inside: attempts, delays, places in lines. Nothing inside waits for what cannot
// come in time: retry returns the last error instead of sleeping past it. Throws likewise.
class total_timeout : public policy<total_timeout>,
                      public detail::call_limit<timeout_cause::total> {
 public:
  static constexpr auto kind = detail::policy_kind::total_timeout;
  // Throws std::invalid_argument unless the limit is positive.
  template <class Rep, class Period>
  explicit total_timeout(std::chrono::duration<Rep, Period> limit)
      : call_limit(detail::saturate(limit)) {}
};

inline std::error_code make_error_code(timeout_cause c) noexcept {
  return {static_cast<int>(c), detail::timeout_category()};
}

}  // namespace rondo

template <>
struct std::is_error_code_enum<rondo::timeout_cause> : std::true_type {};
