#include <rondo/patterns/retry_budget.hpp>

#include <cmath>
#include <stdexcept>

namespace rondo {

namespace {

std::int64_t thousandths(double d) noexcept { return std::llround(d * 1000); }

}  // namespace

retry_budget_options retry_budget_options::tokens(double most, double per_success) {
  if (!(most > 0 && most <= 1'000'000))
    throw std::invalid_argument(
        "retry_budget: the tokens must be more than 0 and at most 1,000,000");
  if (!(per_success >= 0 && per_success <= most))
    throw std::invalid_argument(
        "retry_budget: what a success gives back must be from 0 to the number of tokens");
  retry_budget_options o;
  o.most_ = thousandths(most);
  o.per_success_ = thousandths(per_success);
  return o;
}

retry_budget_options retry_budget_options::share_of(double of_calls,
                                                    std::chrono::nanoseconds window,
                                                    std::uint32_t at_least) {
  if (!(of_calls >= 0 && of_calls <= 1000))
    throw std::invalid_argument("retry_budget: the share of the calls must be from 0 to 1000");
  if (window < std::chrono::nanoseconds(10))
    throw std::invalid_argument("retry_budget: the window must be at least 10 ns");
  retry_budget_options o;
  o.of_calls_ = thousandths(of_calls);
  o.at_least_ = std::int64_t{at_least} * 1000;
  o.slice_ = window / 10;
  return o;
}

}  // namespace rondo
