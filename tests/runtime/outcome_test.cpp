#include "support/run_on.hpp"

#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>

namespace {

using namespace rondo;
using rondo_test::simulate;

std::exception_ptr error(const char* text) {
  return std::make_exception_ptr(std::runtime_error(text));
}

TEST(Outcome, OfAValue) {
  outcome<int> o(std::in_place, 4);
  EXPECT_TRUE(o.has_value());
  EXPECT_TRUE(o);
  EXPECT_FALSE(o.has_error());
  EXPECT_FALSE(o.is_cancelled());
  EXPECT_EQ(o.value(), 4);
  EXPECT_EQ(o.error(), nullptr);
  EXPECT_EQ(o.code(), std::error_code());
}

TEST(Outcome, OfAnError) {
  const outcome<int> o(error("bad"));
  EXPECT_FALSE(o.has_value());
  EXPECT_TRUE(o.has_error());
  EXPECT_FALSE(o.is_cancelled());
  EXPECT_NE(o.error(), nullptr);
  EXPECT_THROW((void)o.value(), std::runtime_error);
}

TEST(Outcome, CancelledIsTheDefault) {
  const outcome<int> o;
  EXPECT_TRUE(o.is_cancelled());
  EXPECT_FALSE(o.has_value());
  EXPECT_FALSE(o.has_error());
  EXPECT_EQ(o.error(), nullptr);
  EXPECT_THROW((void)o.value(), cancelled_error);
}

TEST(Outcome, OfVoid) {
  const outcome<void> o(std::in_place);
  EXPECT_TRUE(o.has_value());
  o.value();
  EXPECT_THROW(outcome<void>().value(), cancelled_error);
  EXPECT_THROW(outcome<void>(error("x")).value(), std::runtime_error);
}

TEST(Outcome, LvalueGivesAReferenceAndRvalueAValue) {
  outcome<std::string> o(std::in_place, "text");
  static_assert(std::is_same_v<decltype(o.value()), std::string&>);
  static_assert(std::is_same_v<decltype(std::as_const(o).value()), const std::string&>);
  static_assert(std::is_same_v<decltype(std::move(o).value()), std::string>);
  o.value() += "!";
  EXPECT_EQ(std::move(o).value(), "text!");
}

TEST(Outcome, HoldsWhatCanOnlyBeMoved) {
  outcome<std::unique_ptr<int>> o(std::in_place, std::make_unique<int>(1));
  outcome<std::unique_ptr<int>> p = std::move(o);
  EXPECT_EQ(*std::move(p).value(), 1);
}

TEST(Outcome, HoldsAReference) {
  int n = 0;
  const outcome<int&> o(std::in_place, &n);
  EXPECT_EQ(&o.value(), &n);
}

TEST(Outcome, CodeIsThatOfASystemError) {
  const auto refused = std::make_error_code(std::errc::connection_refused);
  const outcome<int> o(std::make_exception_ptr(std::system_error(refused)));
  EXPECT_EQ(o.code(), refused);
  EXPECT_EQ(outcome<int>(error("no code")).code(), std::error_code());
}

TEST(Outcome, OfAnErrorWithoutExceptionMakesOneOnDemand) {
  const outcome<int> o(detail::small_error{&detail::io_error_kind, -ECONNRESET,
                                           reinterpret_cast<std::intptr_t>("recv")});
  EXPECT_TRUE(o.has_error());
  EXPECT_EQ(o.code(), std::errc::connection_reset);
  EXPECT_NE(o.error(), nullptr);
  try {
    (void)o.value();
    ADD_FAILURE();
  } catch (const std::system_error& e) {
    EXPECT_EQ(e.code(), o.code());
    EXPECT_NE(std::string(e.what()).find("recv"), std::string::npos);
  }
}

TEST(Errors, DeriveFromRuntimeError) {
  static_assert(std::is_base_of_v<std::runtime_error, timed_out>);
  static_assert(std::is_base_of_v<std::runtime_error, cancelled_error>);
  static_assert(std::is_base_of_v<cancelled_error, interrupted>);
  static_assert(std::is_base_of_v<std::runtime_error, queue_closed>);
  static_assert(std::is_base_of_v<std::runtime_error, group_closed>);
}

TEST(IoErrors, HaveNamesAndMessages) {
  const std::error_code closed = io_errc::closed;
  EXPECT_EQ(closed.category(), io_category());
  EXPECT_STREQ(closed.category().name(), "rondo.io");
  EXPECT_EQ(closed.message(), "the stream is closed");
  EXPECT_NE(std::error_code(io_errc::busy).message(),
            std::error_code(io_errc::write_broken).message());
  EXPECT_EQ(detail::error_of(detail::result_busy), io_errc::busy);
  EXPECT_EQ(detail::error_of(detail::result_write_broken), io_errc::write_broken);
  EXPECT_EQ(detail::error_of(-EPIPE), std::error_code(EPIPE, std::system_category()));
}

TEST(AsResult, GivesTheValue) {
  simulate([]() -> task<> {
    const outcome<int> o = co_await as_result([]() -> task<int> { co_return 2; }());
    EXPECT_EQ(o.value(), 2);
    const outcome<void> v = co_await as_result(yield_now());
    EXPECT_TRUE(v.has_value());
  });
}

TEST(AsResult, GivesTheErrorInsteadOfThrowing) {
  simulate([]() -> task<> {
    const auto fails = []() -> task<int> {
      co_await yield_now();
      throw std::out_of_range("x");
    };
    const outcome<int> o = co_await as_result(fails());
    EXPECT_TRUE(o.has_error());
    EXPECT_THROW((void)o.value(), std::out_of_range);
  });
}

TEST(AsResult, OfAQueueGivesItsError) {
  simulate([]() -> task<> {
    queue<std::unique_ptr<int>> q(1);
    co_await q.put(std::make_unique<int>(1));
    q.close();
    EXPECT_TRUE((co_await as_result(q.put(nullptr))).has_error());
    outcome<std::unique_ptr<int>> first = co_await as_result(q.get());
    EXPECT_EQ(*first.value(), 1);
    EXPECT_TRUE((co_await as_result(q.get())).has_error());
    EXPECT_EQ((co_await as_result(q.next())).value(), std::nullopt);
  });
}

TEST(AsResult, OfAJoinHandleGivesCancelled) {
  simulate([]() -> task<> {
    co_await with_task_group([](task_group& g) -> task<> {
      auto h = g.spawn([]() -> task<int> { co_return 1; });
      h.cancel();
      EXPECT_TRUE((co_await as_result(h)).is_cancelled());
      auto fine = g.spawn([]() -> task<int> { co_return 1; });
      EXPECT_EQ((co_await as_result(fine)).value(), 1);
    });
  });
}

TEST(AsResult, CancellationIsNotAnOutcomeOfTheWaitItself) {
  using namespace std::chrono_literals;
  simulate([]() -> task<> {
    bool resumed = false;
    const auto body = [&]() -> task<> {
      (void)co_await as_result(sleep_for(1h));
      resumed = true;
    };
    EXPECT_FALSE(co_await try_for(1ms, body()));
    EXPECT_FALSE(resumed);
  });
}

}  // namespace
