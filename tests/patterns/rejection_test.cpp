#include <rondo/patterns.hpp>

#include <gtest/gtest.h>

#include <stdexcept>

using namespace rondo;
using namespace std::chrono_literals;

namespace {

outcome<int> rejected_with(rejection r) { return outcome<int>(detail::small_error_of(r)); }
template <class E>
outcome<int> failed_with(const E& e) {
  return outcome<int>(std::make_exception_ptr(e));
}
detail::ending ending_of(const outcome<int>& o) {
  rejection why{};
  return detail::ending_of(detail::call_result(o), why);
}

}  // namespace

TEST(Rejection, TravelsInAnOutcomeWithoutAnException) {
  const outcome<int> o = rejected_with({rejection_reason::rate_limited, 20ms});
  EXPECT_TRUE(o.has_error());
  EXPECT_TRUE(o.code() == rejection_reason::rate_limited);
  EXPECT_STREQ(o.code().category().name(), "rondo.rejection");
  const auto why = rejection::of(o);
  ASSERT_TRUE(why);
  EXPECT_EQ(why->reason, rejection_reason::rate_limited);
  EXPECT_EQ(why->retry_after, 20ms);
}

TEST(Rejection, BecomesAnExceptionWhenAskedForOne) {
  outcome<int> o = rejected_with({rejection_reason::circuit_open, 3s});
  try {
    (void)o.value();
    FAIL();
  } catch (const std::runtime_error& e) {
    const auto& r = dynamic_cast<const rejected&>(e);
    EXPECT_EQ(r.reason(), rejection_reason::circuit_open);
    EXPECT_EQ(r.retry_after(), 3s);
  }
}

TEST(Rejection, IsFoundInAThrownOneToo) {
  const auto why = rejection::of(failed_with(rejected({rejection_reason::bulkhead_full, 1ms})));
  ASSERT_TRUE(why);
  EXPECT_EQ(why->retry_after, 1ms);
}

TEST(Rejection, IsNotFoundInAnythingElse) {
  EXPECT_FALSE(rejection::of(failed_with(std::runtime_error("other"))));
  EXPECT_FALSE(rejection::of(outcome<int>(std::in_place, 1)));
  EXPECT_FALSE(rejection::of(outcome<int>()));
}

TEST(Rejection, HasASentenceForEveryReason) {
  for (int n = 1; n <= static_cast<int>(rejection_reason::limit_exceeded); ++n)
    EXPECT_GT(make_error_code(static_cast<rejection_reason>(n)).message().size(), 10U);
}

TEST(Classifier, ACancellationIsToldFromAnError) {
  EXPECT_EQ(ending_of(outcome<int>()), detail::ending::cancelled);
  EXPECT_EQ(ending_of(failed_with(cancelled_error())), detail::ending::cancelled);
  EXPECT_EQ(ending_of(failed_with(interrupted())), detail::ending::cancelled);
  EXPECT_EQ(ending_of(failed_with(timed_out())), detail::ending::error);
  EXPECT_EQ(ending_of(outcome<int>(std::in_place, 1)), detail::ending::value);
  EXPECT_EQ(ending_of(rejected_with({rejection_reason::isolated})), detail::ending::rejected);
}

TEST(Classifier, SeesAnOutcomeOfItsTypeAndNoOther) {
  const detail::classifier odd([](const outcome<int>& o) {
    return o.has_value() && o.value() % 2 ? verdict::failure : verdict::success;
  });
  const outcome<int> one(std::in_place, 1);
  const outcome<long> other(std::in_place, 1L);
  EXPECT_EQ(odd.ask(detail::call_result(one)), verdict::failure);
  EXPECT_EQ(odd.ask(detail::call_result(other)), std::nullopt);
}

TEST(Classifier, SeesErrorsOnlyWhenItAsksForErrors) {
  const detail::classifier by_pointer([](const std::exception_ptr&) { return verdict::failure; });
  const detail::classifier by_code([](std::error_code c) { return c == std::errc::timed_out; });
  const outcome<int> value(std::in_place, 1);
  const outcome<int> error =
      failed_with(std::system_error(std::make_error_code(std::errc::timed_out)));
  const outcome<int> other = failed_with(std::runtime_error("other"));
  EXPECT_EQ(by_pointer.ask(detail::call_result(value)), std::nullopt);
  EXPECT_EQ(by_pointer.ask(detail::call_result(error)), verdict::failure);
  EXPECT_EQ(by_code.ask(detail::call_result(error)), verdict::failure);
  EXPECT_EQ(by_code.ask(detail::call_result(other)), verdict::neutral);
}

TEST(Classifier, AGenericOneSeesEveryEnd) {
  const detail::classifier all([](const auto& end) { return !end.has_value(); });
  EXPECT_EQ(all.ask(detail::call_result(outcome<long>(std::in_place, 1L))), verdict::success);
  EXPECT_EQ(all.ask(detail::call_result(failed_with(std::runtime_error("x")))), verdict::failure);
}
