// rejection: a policy's refusal to make a call, as a small value instead of an exception.
//
//   outcome<reply> r = co_await breaker.run(fetch);
//   if (r.code() == rejection_reason::circuit_open) …
//   if (auto why = rejection::of(r)) co_await sleep_for(why->retry_after);
//
// In an outcome it costs no allocation; whoever asks for value() or error() gets a `rejected`.
#pragma once

#include <rondo/runtime/core/clock.hpp>
#include <rondo/runtime/core/failure.hpp>
#include <rondo/runtime/outcome.hpp>

#include <cstdint>
#include <optional>

namespace rondo {

enum class rejection_reason : std::uint8_t {
  circuit_open = 1,  // the circuit breaker is open
  isolated,          // the circuit breaker is held open by hand
  probe_busy,        // the circuit breaker is half open and its probes are out
  bulkhead_full,     // all permits are out and the line is full
  queue_timeout,     // the turn did not come in time
  rate_limited,      // too soon
  budget_exhausted,  // the retry budget is spent
  limit_exceeded,    // over an adaptive limit
  throttled          // the callee has been turning calls away
};

struct rejection {
  rejection_reason reason;
  // How long the reason holds at least, as far as the policy can know; zero when it cannot.
  std::chrono::nanoseconds retry_after{};

  // The rejection in an outcome, whether it is a small value or a `rejected`; none for anything
  // else.
  template <class T>
  static std::optional<rejection> of(const outcome<T>& o);
};

// What value() throws for a rejection, and what the throwing form of a policy throws.
class rejected : public virtual detail::failure {
 public:
  explicit rejected(rejection r) : what_(r) {}
  const char* what() const noexcept override;
  rejection_reason reason() const noexcept { return what_.reason; }
  std::chrono::nanoseconds retry_after() const noexcept { return what_.retry_after; }

 private:
  rejection what_;
};

namespace detail {

const std::error_category& rejection_category() noexcept;
extern const small_error_kind rejection_kind;
inline small_error small_error_of(rejection r) noexcept {
  return {&rejection_kind, static_cast<std::int32_t>(r.reason), r.retry_after.count()};
}
// A call that was refused so may well be let through a moment later.
constexpr bool passes_by_itself(rejection_reason r) noexcept {
  switch (r) {
    case rejection_reason::bulkhead_full:
    case rejection_reason::queue_timeout:
    case rejection_reason::rate_limited:
    case rejection_reason::limit_exceeded:
    case rejection_reason::throttled: return true;
    case rejection_reason::circuit_open:
    case rejection_reason::isolated:
    case rejection_reason::probe_busy:
    case rejection_reason::budget_exhausted: break;
  }
  return false;
}
std::optional<rejection> rejection_of(const small_error& e) noexcept;
std::optional<rejection> rejection_of(const std::exception_ptr& e) noexcept;

}  // namespace detail

inline std::error_code make_error_code(rejection_reason r) noexcept {
  return {static_cast<int>(r), detail::rejection_category()};
}

template <class T>
std::optional<rejection> rejection::of(const outcome<T>& o) {
  if (!o.has_error()) return std::nullopt;
  if (const detail::small_error* e = o.small()) return detail::rejection_of(*e);
  return detail::rejection_of(o.error());
}

}  // namespace rondo

template <>
struct std::is_error_code_enum<rondo::rejection_reason> : std::true_type {};
