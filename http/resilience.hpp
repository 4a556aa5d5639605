// The recommended policies for a client: retries that know HTTP, and a circuit breaker for each
// origin.
//
//   http::client c(http::client_options().policy(http::standard_policies()));
//
//   attempts   3 at most, and only of what may be sent twice: an idempotent method (or POST and the
//              like when the connection was refused), a body that can be sent again
//   tried      after connect_error, timeout_error of a phase, a connection lost before the answer;
//              429, 502, 503 and
//   again      504 (RFC 9110, sections 15.6 and RFC 6585), with Retry-After as the delay when it is
//              at most 10 s, and not at all when it is longer; else exponential delays from 100 ms
//              to 5 s with full jitter
//   breaker    5 failures in a row (those, and 500) refuse the origin for 60 s, then one probe:
//              rejected_error is thrown, which says what the last failure was
//   slow       when asked (hedge_after), a GET, HEAD, OPTIONS or TRACE without a body that has no
//              answer in time is sent a second time beside the first; the first answer counts, and
//              the other request's connection is closed
//   nothing    is tried again after a cancellation, when the total timeout would come first, or
//              when the budget is spent: of 10 tokens a failure takes one, a success gives a tenth
//              of one back, and while half of them or less are left no request is sent again
//
// It is compose(retry, circuit_breaker, hedge) of patterns/ for each origin; here stands only what
// an answer or an error means.
#pragma once

#include <rondo/http/errors.hpp>
#include <rondo/http/policy.hpp>
#include <rondo/patterns/backoff.hpp>
#include <rondo/patterns/circuit_breaker.hpp>
#include <rondo/patterns/rejection.hpp>
#include <rondo/runtime/core/amount.hpp>
#include <rondo/runtime/core/clock.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace rondo::http {

// A breaker has refused the request: nothing was sent. Caught as http::error and as
// rondo::rejected. Its text names the origin's last failure.
class rejected_error final : public error, public rejected {
 public:
  rejected_error(rejection why, const std::string& message, std::exception_ptr last)
      // NOLINTNEXTLINE(bugprone-throw-keyword-missing): the bases are made, nothing is thrown
      : error(message, http::phase::pool), rejected(why), last_(std::move(last)) {}
  [[nodiscard]] const char* what() const noexcept override { return error::what(); }
  // What was last thrown on the way to the origin; null when it was an answer, of 500 and above.
  [[nodiscard]] const std::exception_ptr& last_failure() const noexcept { return last_; }

 private:
  std::exception_ptr last_;
};

// Since the stack was made.
struct resilience_counts {
  std::uint64_t calls = 0;
  std::uint64_t retries = 0;
  std::uint64_t refused = 0;       // by a breaker
  std::uint64_t budget_spent = 0;  // not tried again for that
  std::uint64_t hedged = 0;        // sent a second time beside the first
};

// Every setter returns the object itself.
class resilience_options {
 public:
  // Throws std::invalid_argument for 0. 1: no retries.
  resilience_options& max_attempts(int n);
  resilience_options& backoff(rondo::backoff b) noexcept {
    delays_ = b;
    return *this;
  }
  // A longer Retry-After is not waited for. 10 s.
  template <class Rep, class Period>
  resilience_options& longest_retry_after(std::chrono::duration<Rep, Period> d) noexcept {
    longest_retry_after_ = rondo::detail::saturate(d);
    return *this;
  }
  // After how long without an answer a request that asks for nothing to be done is sent once more
  // beside the first. Of the calls of the last 10 s a tenth may be sent twice, and ten besides. Not
  // at all. Throws std::invalid_argument when negative.
  template <class Rep, class Period>
  resilience_options& hedge_after(std::chrono::duration<Rep, Period> d) {
    return set_hedge(rondo::detail::saturate(d));
  }
  // Throw std::invalid_argument for 0.
  resilience_options& consecutive_failures(rondo::detail::amount32 n);
  template <class Rep, class Period>
  resilience_options& open_for(std::chrono::duration<Rep, Period> d) noexcept {
    open_for_ = rondo::detail::saturate(d);
    return *this;
  }
  // Breakers kept (1,000); beyond, the one goes that nobody has used for the longest time, but none
  // that is open or in use. When no other is left, a request to a further origin has a breaker for
  // itself alone. Throws std::invalid_argument for 0.
  resilience_options& max_origins(rondo::detail::amount n);

 private:
  friend class standard_stack;
  resilience_options& set_hedge(std::chrono::nanoseconds d);
  std::optional<std::chrono::nanoseconds> hedge_after_;
  int max_attempts_ = 3;
  rondo::backoff delays_ = rondo::backoff::exponential(std::chrono::milliseconds(100))
                               .cap(std::chrono::seconds(5))
                               .full_jitter();
  std::chrono::nanoseconds longest_retry_after_ = std::chrono::seconds(10);
  std::uint32_t consecutive_failures_ = 5;
  std::chrono::nanoseconds open_for_ = std::chrono::seconds(60);
  std::size_t max_origins_ = 1000;
};

// What standard_policies() makes.
class standard_stack final : public request_policy {
 public:
  // With breakers and a budget of its own.
  explicit standard_stack(resilience_options options = {});
  ~standard_stack() override;

  // What the client calls for each request. Throws http::error, and rejected_error. Cancelled with
  // the request.
  task<response> run(policy_call call) override;

  // Of an origin as http::url::origin() gives it; closed when it is not known.
  [[nodiscard]] circuit_breaker::state state_of(const std::string& origin) const;
  [[nodiscard]] const resilience_counts& counts() const noexcept;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

// On one loop's thread, as the client.
std::shared_ptr<standard_stack> standard_policies(resilience_options options = {});

}  // namespace rondo::http
