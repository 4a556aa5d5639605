#include <rondo/patterns.hpp>
#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

namespace amounts_test {
namespace {

using namespace rondo;
using namespace std::chrono_literals;

task<int> same(int n) { co_return n; }

TEST(Amounts, OfAPatternAreNeverNegative) {
  EXPECT_THROW((void)map_concurrent(std::vector{1, 2}, -1, same), std::invalid_argument);
  EXPECT_THROW(pipeline(std::vector{1, 2}).stage(-1, same), std::invalid_argument);
  EXPECT_THROW(pipeline(std::vector{1, 2}).ordered_stage(-1, same), std::invalid_argument);
}

TEST(Amounts, OfAPolicyAreNeverNegative) {
  EXPECT_THROW(bulkhead(-1), std::invalid_argument);
  EXPECT_THROW(bulkhead::options(1).queue(-1), std::invalid_argument);
  EXPECT_THROW(rate_limiter::options(-1, 1s), std::invalid_argument);
  EXPECT_THROW(rate_limiter::options(1, 1s).burst(-1), std::invalid_argument);
  EXPECT_THROW(rate_limiter::options(1, 1s).queue(-1), std::invalid_argument);
  EXPECT_THROW(retry().max_attempts(-1), std::invalid_argument);
  EXPECT_THROW(hedge::options().max_calls(-1), std::invalid_argument);
  EXPECT_THROW(adaptive_limit::gradient2().queue(-1), std::invalid_argument);
  EXPECT_THROW(circuit_breaker::options().consecutive_failures(-1), std::invalid_argument);
  EXPECT_THROW(circuit_breaker::options().probes(-1), std::invalid_argument);
  EXPECT_THROW(keyed<circuit_breaker>(-1), std::invalid_argument);
}

TEST(Amounts, AskedOfALimiterAreNeverNegative) {
  rate_limiter limit(rate_limiter::options(10, 1s));
  EXPECT_THROW((void)limit.acquire(-1), std::invalid_argument);
}

}  // namespace
}  // namespace amounts_test
