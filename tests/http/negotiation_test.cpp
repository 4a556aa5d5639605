#include <rondo/http/parts/base64.hpp>
#include <rondo/http/server/negotiation.hpp>
#include <rondo/http/wire/media_type.hpp>

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace negotiation_test {
namespace {

using rondo::http::headers;
using namespace rondo::http::detail;

// --- Accept (RFC 9110, section 12.5.1)

std::string_view best(const char* accept) {
  static constexpr std::array<std::string_view, 3> offered{"text/html", "application/json",
                                                           "text/plain"};
  return preferred_type({{"Accept", accept}}, offered);
}

TEST(Accept, TheMostSpecificRangeSaysTheWeight) {
  EXPECT_EQ(best("*/*"), "text/html");
  EXPECT_EQ(best("application/json"), "application/json");
  EXPECT_EQ(best("text/*;q=0.5, text/plain"), "text/plain");
  EXPECT_EQ(best("text/html;q=0, */*"), "application/json");
  EXPECT_EQ(best("text/html;q=0.1, text/*;q=0.9, */*;q=0.5"), "text/plain");
  EXPECT_EQ(best("TEXT/Plain"), "text/plain");
  EXPECT_EQ(best("application/json;q=0.001, image/*"), "application/json");
  EXPECT_EQ(best("text/html;level=1, text/plain;q=0.2"), "text/plain");
  EXPECT_EQ(best("image/png"), "");
  EXPECT_EQ(best("text/*;q=0, */*;q=0"), "");
  EXPECT_EQ(best(""), "");
}

TEST(Accept, LeavesOutWhatIsMalformed) {
  EXPECT_EQ(best("text/html;q=2, application/json"), "application/json");
  EXPECT_EQ(best("text/html;q=, text/plain"), "text/plain");
  EXPECT_EQ(best("text/html;q=0.1234, text/plain"), "text/plain");
  EXPECT_EQ(best(",,;, text/plain,"), "text/plain");
  EXPECT_EQ(best("text/html;\"x, text/plain\", text/plain"), "text/plain");
}

TEST(Accept, SeveralFieldsAreOneListAndNoneMeansAnything) {
  static constexpr std::array<std::string_view, 2> offered{"a/a", "b/b"};
  EXPECT_EQ(preferred_type({{"Accept", "a/a;q=0.1"}, {"accept", "b/b"}}, offered), "b/b");
  EXPECT_EQ(preferred_type({}, offered), "a/a");
  EXPECT_EQ(preferred_type({}, {}), "");
}

TEST(AcceptEncoding, IsWeighedByNameThenByStar) {
  const auto weight = [](const char* value, const char* coding = "gzip") {
    return weight_of_coding({{"Accept-Encoding", value}}, coding);
  };
  EXPECT_EQ(weight("gzip"), 1000);
  EXPECT_EQ(weight("deflate, GZip;q=0.25"), 250);
  EXPECT_EQ(weight("x-gzip;q=0.5"), 500);
  EXPECT_EQ(weight("*;q=0.5"), 500);
  EXPECT_EQ(weight("*, gzip;q=0"), 0);
  EXPECT_EQ(weight("gzip, *;q=0"), 1000);
  EXPECT_EQ(weight("br"), 0);
  EXPECT_EQ(weight(""), 0);
  EXPECT_EQ(weight("gzip", "identity"), 0);
  EXPECT_EQ(weight_of_coding({}, "gzip"), 0);
}

TEST(Weight, HasThreeDigitsAtMost) {
  EXPECT_EQ(parse_weight("1"), 1000);
  EXPECT_EQ(parse_weight("1.000"), 1000);
  EXPECT_EQ(parse_weight("0"), 0);
  EXPECT_EQ(parse_weight("0."), 0);
  EXPECT_EQ(parse_weight("0.7"), 700);
  EXPECT_EQ(parse_weight("0.123"), 123);
  for (const char* bad : {"", ".5", "1.001", "2", "0,5", "-0", "0.1234", "0.x", "1e0"})
    EXPECT_EQ(parse_weight(bad), -1) << bad;
}

// --- parameters

TEST(Parameters, AreReadWithTheirQuotes) {
  parameter_reader p("form-data; name=\"a\\\"b\\\\c\\d\" ;; Filename = x");
  EXPECT_EQ(p.value(), "form-data");
  EXPECT_TRUE(p.next());
  EXPECT_EQ(p.name(), "name");
  EXPECT_EQ(p.text(), "a\"b\\c\\d");
  EXPECT_FALSE(p.next());
  EXPECT_TRUE(p.malformed()) << "no space stands around \"=\"";
  for (const char* bad : {"a; b", "a; b=", "a; =c", "a; b=\"c", "a; b=c d", "a; b=\"c\"d"}) {
    parameter_reader broken(bad);
    while (broken.next()) {
    }
    EXPECT_TRUE(broken.malformed()) << bad;
  }
  EXPECT_EQ(parameter_of("text/html; Charset=\"utf-8\"", "charset"), "utf-8");
  EXPECT_EQ(parameter_of("text/html", "charset"), "");
}

// --- base64

TEST(Base64, GivesBackWhatItTook) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(from_base64(base64(bytes)), bytes) << i;
    bytes += static_cast<char>(i * 7);
  }
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(from_base64(""), "");
  for (const char* bad :
       {"Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zm9v=", "Z===", "====", "Zm 9v", "Zm9v\n", "Zm-_"})
    EXPECT_EQ(from_base64(bad), std::nullopt) << bad;
}

}  // namespace
}  // namespace negotiation_test
