#include <rondo/http/cookies.hpp>

#include <gtest/gtest.h>

#include <stdexcept>

namespace {

using rondo::http::cookie;
using rondo::http::same_site;
using rondo::http::detail::set_cookie_value;

TEST(SetCookieValue, SaysWhatTheCookieIs) {
  EXPECT_EQ(set_cookie_value({.name = "a", .value = "b"}), "a=b; Path=/");
  EXPECT_EQ(set_cookie_value({.name = "a", .path = ""}), "a=");
  EXPECT_EQ(set_cookie_value({.name = "a", .value = "\"q\""}), "a=\"q\"; Path=/");
  EXPECT_EQ(set_cookie_value({.name = "__Secure-a",
                              .value = "1",
                              .domain = "example.org",
                              .path = "/x y",
                              .expires = std::chrono::sys_seconds(std::chrono::seconds(784111777)),
                              .host_only = false,
                              .secure = true,
                              .http_only = true,
                              .same_site = same_site::none}),
            "__Secure-a=1; Path=/x y; Domain=example.org; Expires=Sun, 06 Nov 1994 08:49:37 GMT; "
            "Secure; HttpOnly; "
            "SameSite=None");
}

TEST(SetCookieValue, HoldsDatesWithinTheirForm) {
  cookie c{.name = "a", .value = "b", .path = ""};
  c.expires = std::chrono::sys_seconds::min();
  EXPECT_EQ(set_cookie_value(c), "a=b; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
  c.expires = std::chrono::sys_seconds::max();
  EXPECT_EQ(set_cookie_value(c), "a=b; Expires=Fri, 31 Dec 9999 23:59:59 GMT");
}

TEST(SetCookieValue, IsReadAsItWasMeant) {
  const cookie c{.name = "sid",
                 .value = "31d4!#$%&'()*+-./:<=>?@[]^_`{|}~",
                 .path = "/a",
                 .secure = true,
                 .http_only = true,
                 .same_site = same_site::strict};
  const auto read = rondo::http::detail::parse_set_cookie(set_cookie_value(c), {});
  ASSERT_TRUE(read);
  EXPECT_EQ(read->c.name, c.name);
  EXPECT_EQ(read->c.value, c.value);
  EXPECT_EQ(read->c.path, c.path);
  EXPECT_TRUE(read->c.secure && read->c.http_only && read->c.same_site == same_site::strict);
}

TEST(SetCookieValue, RefusesWhatWouldSaySomethingElseAndNeverTellsTheValue) {
  const cookie cases[] = {
      {.name = "", .value = "hidden"},
      {.name = "a b", .value = "hidden"},
      {.name = "a=b", .value = "hidden"},
      {.name = "a;", .value = "hidden"},
      {.name = "a", .value = "hidden; Domain=evil.test"},
      {.name = "a", .value = "hidden\r\nSet-Cookie: b=c"},
      {.name = "a", .value = "hidden value"},
      {.name = "a", .value = "hidden,"},
      {.name = "a", .value = "hidden\\"},
      {.name = "a", .value = "hid\"den"},
      {.name = "a", .value = "\""},
      {.name = "a", .value = "hidden\x7f"},
      {.name = "a", .value = "hidden\xc3\xa9"},
      {.name = "a", .value = std::string("hidden\0", 7)},
      {.name = "a", .value = std::string(4096, 'x')},
      {.name = "a", .value = "hidden", .path = "x"},
      {.name = "a", .value = "hidden", .path = "/; Secure"},
      {.name = "a", .value = "hidden", .path = "/\r\n"},
      {.name = "a", .value = "hidden", .host_only = false},
      {.name = "a", .value = "hidden", .domain = "a;b", .host_only = false},
      {.name = "a", .value = "hidden", .domain = "a b", .host_only = false},
      {.name = "a", .value = "hidden", .same_site = same_site::none},
      {.name = "__Secure-a", .value = "hidden"},
      {.name = "__host-a", .value = "hidden"},
      {.name = "__Host-a", .value = "hidden", .path = "/x", .secure = true},
      {.name = "__Host-a", .value = "hidden", .domain = "a.b", .host_only = false, .secure = true},
  };
  for (const cookie& c : cases) {
    try {
      const std::string text = set_cookie_value(c);
      ADD_FAILURE() << text;
    } catch (const std::invalid_argument& e) {
      EXPECT_EQ(std::string(e.what()).find("hidden"), std::string::npos) << e.what();
    }
  }
}

}  // namespace
