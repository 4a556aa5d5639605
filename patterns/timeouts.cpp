#include <rondo/patterns/timeouts.hpp>

#include <stdexcept>
#include <string>

namespace rondo {
namespace {

const char* sentence_for_cause(timeout_cause c) noexcept {
  return c == timeout_cause::attempt ? "timed out: the attempt took longer than its limit"
                                     : "timed out: the call and its attempts took longer than the "
                                       "limit for all of them";
}

class timeout_category_type final : public std::error_category {
 public:
  const char* name() const noexcept override { return "rondo.timeout"; }
  std::string message(int code) const override {
    return sentence_for_cause(static_cast<timeout_cause>(code));
  }
  // if (o.code() == std::errc::timed_out): either of them.
  bool equivalent(int, const std::error_condition& c) const noexcept override {
    return c == std::errc::timed_out;
  }
};

std::error_code code_of_timeout(std::int32_t number) noexcept {
  return {number, detail::timeout_category()};
}
std::exception_ptr exception_of_timeout(std::int32_t number, std::int64_t) {
  return std::make_exception_ptr(call_timed_out(static_cast<timeout_cause>(number)));
}

constexpr detail::small_error_kind timeout_kind{&code_of_timeout, &exception_of_timeout};

}  // namespace

call_timed_out::call_timed_out(timeout_cause cause)
    : timed_out(sentence_for_cause(cause)), cause_(cause) {}

namespace detail {

const std::error_category& timeout_category() noexcept {
  static const timeout_category_type category;
  return category;
}

small_error small_error_of(timeout_cause cause) noexcept {
  return {&timeout_kind, static_cast<std::int32_t>(cause), 0};
}

nanoseconds checked_limit(timeout_cause cause, nanoseconds limit) {
  if (limit > nanoseconds::zero()) return limit;
  throw std::invalid_argument(
      std::string(cause == timeout_cause::attempt ? "attempt_timeout" : "total_timeout") +
      ": the limit is " + (limit == nanoseconds::zero() ? "zero" : "negative") +
      ", so no call could ever end in time");
}

}  // namespace detail
}  // namespace rondo
