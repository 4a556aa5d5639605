#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <stdexcept>

namespace amount_test {
namespace {

using namespace rondo;

TEST(Amount, OfThingsIsNeverNegative) {
  EXPECT_THROW(semaphore(-1), std::invalid_argument);
  EXPECT_THROW(capacity_limiter(-1), std::invalid_argument);
  EXPECT_THROW(barrier(-1), std::invalid_argument);
  EXPECT_THROW(queue<int>(-1), std::invalid_argument);
  EXPECT_THROW(priority_queue<int>(-1), std::invalid_argument);
  EXPECT_THROW(lifo_queue<int>(-1), std::invalid_argument);
  EXPECT_THROW(thread_channel<int>(-1), std::invalid_argument);
  EXPECT_THROW(make_channel<int>(-1), std::invalid_argument);
  EXPECT_THROW(run_options().max_threads(-1), std::invalid_argument);
  EXPECT_THROW(run_on_threads(-1, [](std::size_t) -> task<> { co_return; }), std::invalid_argument);
}

TEST(Amount, AskedForIsNeverNegative) {
  semaphore s(2);
  EXPECT_THROW((void)s.acquire(-1), std::invalid_argument);
  EXPECT_THROW((void)s.try_acquire(-1), std::invalid_argument);
  EXPECT_EQ(s.available(), 2U);
  capacity_limiter l(2);
  EXPECT_THROW(l.set_total(-1), std::invalid_argument);
  EXPECT_EQ(l.total(), 2U);
  condition c;
  EXPECT_THROW(c.notify(-1), std::invalid_argument);
}

TEST(Amount, OfPermitsOrPartiesOrRoomIsNotZero) {
  EXPECT_THROW(semaphore(0), std::invalid_argument);
  EXPECT_THROW(barrier(0), std::invalid_argument);
  EXPECT_THROW(queue<int>(0), std::invalid_argument);
  EXPECT_THROW(run_options().max_threads(0), std::invalid_argument);
  EXPECT_NO_THROW(capacity_limiter(0));  // until set_total says otherwise
}

TEST(Amount, IsAnyInteger) {
  const std::int64_t wide = 3;
  const unsigned char narrow = 3;
  EXPECT_EQ(semaphore(wide).total(), 3U);
  EXPECT_EQ(semaphore(narrow).total(), 3U);
  EXPECT_EQ(semaphore(unbounded).total(), unbounded);
}

TEST(Amount, TooLargeForWhatHoldsItIsRefused) {
  EXPECT_EQ(detail::amount32(std::numeric_limits<std::uint32_t>::max()),
            std::numeric_limits<std::uint32_t>::max());
  EXPECT_THROW((void)detail::amount32(std::uint64_t{1} << 32), std::invalid_argument);
  const std::int64_t least = std::numeric_limits<std::int64_t>::min();
  EXPECT_THROW((void)detail::amount32(least), std::invalid_argument);
}

}  // namespace
}  // namespace amount_test
