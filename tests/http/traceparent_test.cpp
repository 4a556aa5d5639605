#include <rondo/http/request_id.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace traceparent_test {
namespace {

using rondo::http::parse_traceparent;

// W3C Trace Context, level 1.
TEST(Traceparent, IsTakenAsTheStandardHasIt) {
  const std::string good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const auto trace = parse_traceparent(good);
  ASSERT_TRUE(trace);
  EXPECT_EQ(trace->trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(trace->parent_id, "00f067aa0ba902b7");
  EXPECT_TRUE(trace->sampled);
  const auto changed = [&](std::size_t at, const char* to) {
    std::string text = good;
    text.replace(at, std::string_view(to).size(), to);
    return parse_traceparent(text).has_value();
  };
  EXPECT_TRUE(changed(53, "fe"));
  EXPECT_TRUE(changed(0, "cc"));
  EXPECT_FALSE(changed(0, "ff"));
  EXPECT_FALSE(changed(0, "0G"));
  EXPECT_FALSE(changed(3, "4B"));
  EXPECT_FALSE(changed(3, "00000000000000000000000000000000"));
  EXPECT_FALSE(changed(36, "0000000000000000"));
  EXPECT_FALSE(changed(35, "_"));
  EXPECT_FALSE(changed(52, "x"));
  EXPECT_FALSE(parse_traceparent(good + "-more"));
  EXPECT_TRUE(parse_traceparent("01" + good.substr(2) + "-more"));
  EXPECT_FALSE(parse_traceparent("01" + good.substr(2) + "more"));
  EXPECT_FALSE(parse_traceparent(good.substr(1)));
  EXPECT_FALSE(parse_traceparent(""));
}

}  // namespace
}  // namespace traceparent_test
