#include <rondo/patterns/rejection.hpp>

#include <string>

namespace rondo {
namespace {

const char* sentence_for(rejection_reason r) noexcept {
  switch (r) {
    case rejection_reason::circuit_open: return "rejected: the circuit breaker is open";
    case rejection_reason::isolated: return "rejected: the circuit breaker is held open by hand";
    case rejection_reason::probe_busy:
      return "rejected: the circuit breaker is trying a call already";
    case rejection_reason::bulkhead_full: return "rejected: the bulkhead and its line are full";
    case rejection_reason::queue_timeout:
      return "rejected: the turn in the line did not come in time";
    case rejection_reason::rate_limited: return "rejected: the rate limit is reached";
    case rejection_reason::budget_exhausted: return "rejected: the retry budget is spent";
    case rejection_reason::limit_exceeded: return "rejected: the concurrency limit is reached";
    case rejection_reason::throttled:
      return "rejected: the callee has been turning calls away, and this one was not sent";
  }
  return "rejected";
}

class rejection_category_type final : public std::error_category {
 public:
  const char* name() const noexcept override { return "rondo.rejection"; }
  std::string message(int code) const override {
    return sentence_for(static_cast<rejection_reason>(code));
  }
};

std::error_code code_of_rejection(std::int32_t number) noexcept {
  return {number, detail::rejection_category()};
}
std::exception_ptr exception_of_rejection(std::int32_t number, std::int64_t more) {
  return std::make_exception_ptr(
      rejected({static_cast<rejection_reason>(number), std::chrono::nanoseconds(more)}));
}

}  // namespace

const char* rejected::what() const noexcept { return sentence_for(what_.reason); }

namespace detail {

const std::error_category& rejection_category() noexcept {
  static const rejection_category_type category;
  return category;
}

constinit const small_error_kind rejection_kind{&code_of_rejection, &exception_of_rejection};

std::optional<rejection> rejection_of(const small_error& e) noexcept {
  if (e.kind != &rejection_kind) return std::nullopt;
  return rejection{static_cast<rejection_reason>(e.number), std::chrono::nanoseconds(e.more)};
}

std::optional<rejection> rejection_of(const std::exception_ptr& e) noexcept {
  try {
    std::rethrow_exception(e);
  } catch (const rejected& r) {
    return rejection{r.reason(), r.retry_after()};
  } catch (...) {
    return std::nullopt;
  }
}

}  // namespace detail
}  // namespace rondo
