#include "support/run_on.hpp"

#include <rondo/patterns.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <string>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

namespace {

// 1994-11-06 08:49:37 UTC, the example of RFC 9110.
constexpr wall_time example{784'111'777s};

}  // namespace

TEST(RetryAfter, IsANumberOfSeconds) {
  EXPECT_EQ(parse_retry_after("120", example), 120s);
  EXPECT_EQ(parse_retry_after("0", example), 0s);
  EXPECT_EQ(parse_retry_after("007", example), 7s);
}

TEST(RetryAfter, ANumberTooLargeToCountIsForEver) {
  EXPECT_EQ(parse_retry_after("9223372036", example), 9'223'372'036s);
  EXPECT_EQ(parse_retry_after("9223372037", example), nanoseconds::max());
  EXPECT_EQ(parse_retry_after("99999999999999999999999999", example), nanoseconds::max());
}

TEST(RetryAfter, IsADateInEachOfThreeFormsToTheNanosecond) {
  for (const char* text : {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                           "Sun Nov  6 08:49:37 1994"}) {
    EXPECT_EQ(parse_retry_after(text, example - 90s), 90s) << text;
    EXPECT_EQ(parse_retry_after(text, example - 1ns), 1ns) << text;
    EXPECT_EQ(parse_retry_after(text, example), 0s) << text;
    EXPECT_EQ(parse_retry_after(text, example + 1h), 0s) << text;
  }
  EXPECT_EQ(parse_retry_after("Thu, 29 Feb 2024 23:59:60 GMT", wall_time(1'709'164'800s)), 24h);
}

TEST(RetryAfter, AYearOfTwoDigitsIsAtMostFiftyYearsAhead) {
  const wall_time in_2026(1'767'225'600s);
  EXPECT_GT(*parse_retry_after("Wednesday, 06-Nov-76 08:49:37 GMT", in_2026), 50 * 365 * 24h);
  EXPECT_EQ(parse_retry_after("Sunday, 06-Nov-77 08:49:37 GMT", in_2026), 0s);
}

TEST(RetryAfter, ADateBeyondTheClockIsForEver) {
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 9999 08:49:37 GMT", example), nanoseconds::max());
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 0001 08:49:37 GMT", example), 0s);
}

TEST(RetryAfter, AnythingElseIsNotOne) {
  for (const char* text : {"",
                           " 1",
                           "1 ",
                           "-1",
                           "+1",
                           "1.5",
                           "1s",
                           "soon",
                           "Sun",
                           "Sun, 06 Nov 1994 08:49:37",
                           "Sun, 6 Nov 1994 08:49:37 GMT",
                           "Sun, 06 Nov 1994 24:49:37 GMT",
                           "Sun, 06 Nov 1994 08:60:37 GMT",
                           "Sun, 06 Nov 1994 08:49:61 GMT",
                           "Sun, 31 Nov 1994 08:49:37 GMT",
                           "Sun, 06 nov 1994 08:49:37 GMT",
                           "Sun, 06 ovD 1994 08:49:37 GMT",
                           "Son, 06 Nov 1994 08:49:37 GMT",
                           "Sun, 06 Nov 1994 08:49:37 UTC",
                           "Sun, 06 Nov 1994 08:49:37 GMT ",
                           "Sunday, 06-Nov-1994 08:49:37 GMT",
                           "Sun Nov 6 08:49:37 1994",
                           "Sun Nov  6 08:49:37 94",
                           "Sun, 06 Nov 1994 08:49:3",
                           "Sun, 06 No"})
    EXPECT_EQ(parse_retry_after(text, example), std::nullopt) << text;
}

TEST(RetryAfter, InTheSimulationTheTimeOfDayIsVirtual) {
  simulate([]() -> task<> {
    const wall_time before = wall_now();
    co_await sleep_for(1h);
    EXPECT_EQ(wall_now() - before, 1h);
  });
  EXPECT_GT(wall_now(), wall_time(1'700'000'000s));
}
