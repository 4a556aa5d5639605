// The rules of redirects, without a network: every code and method, every kind of target, and what
// goes along.
#include <rondo/http/client/redirect.hpp>
#include <rondo/http/errors.hpp>

#include <gtest/gtest.h>

#include <array>
#include <string>

using namespace rondo;
using http::headers;
using http::url;
using http::detail::plan_redirect;
using http::detail::redirect_plan;

namespace {

std::optional<redirect_plan> plan(const char* from, const char* location, int status = 302,
                                  const char* method = "GET", bool may_leave_https = false) {
  return plan_redirect(method, url::parse(from), status, headers{{"Location", location}},
                       may_leave_https);
}

}  // namespace

TEST(Redirect, ChangesTheMethodAsTheStandardHasIt) {
  const std::array<const char*, 6> methods = {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"};
  for (const char* method : methods)
    for (const int status : {301, 302, 303, 307, 308}) {
      SCOPED_TRACE(std::to_string(status) + " " + method);
      std::string expected = method;
      if (status == 303 && expected != "HEAD") expected = "GET";
      if (status <= 302 && expected == "POST") expected = "GET";
      const auto p = plan("http://a/", "/b", status, method);
      ASSERT_TRUE(p);
      EXPECT_EQ(p->method, expected);
      EXPECT_EQ(p->drops_body, expected != method);
    }
}

TEST(Redirect, IsNoneWithAnotherStatusOrWithoutALocation) {
  for (const int status : {200, 201, 300, 304, 305, 306, 309, 400})
    EXPECT_FALSE(plan("http://a/", "/b", status)) << status;
  EXPECT_FALSE(plan_redirect("GET", url::parse("http://a/"), 302, headers{}, false));
}

TEST(Redirect, ResolvesItsTargetAsALink) {
  EXPECT_EQ(plan("http://a/b/c?q", "d")->url.href(), "http://a/b/d");
  EXPECT_EQ(plan("http://a/b/c?q", "?x")->url.href(), "http://a/b/c?x");
  EXPECT_EQ(plan("http://a/b/c", "//h:81/d")->url.href(), "http://h:81/d");
  EXPECT_EQ(plan("http://a/b/c", "")->url.href(), "http://a/b/c");
  EXPECT_EQ(plan("http://a/", "/\xc3\xa4")->url.href(), "http://a/%C3%A4");
}

TEST(Redirect, InheritsAFragmentThatTheTargetDoesNotGive) {
  EXPECT_EQ(plan("http://a/#f", "/b")->url.href(), "http://a/b#f");
  EXPECT_EQ(plan("http://a/#%20f", "/b")->url.href(), "http://a/b#%20f");
  EXPECT_EQ(plan("http://a/#f", "/b#g")->url.href(), "http://a/b#g");
  EXPECT_EQ(plan("http://a/", "/b")->url.href(), "http://a/b");
}

TEST(Redirect, KnowsAnotherOriginBySchemeHostAndPort) {
  EXPECT_FALSE(plan("http://a/", "/b")->other_origin);
  EXPECT_FALSE(plan("http://a/", "http://A:80/b")->other_origin);
  EXPECT_TRUE(plan("http://a/", "http://b/")->other_origin);
  EXPECT_TRUE(plan("http://a/", "http://a:81/")->other_origin);
  EXPECT_TRUE(plan("http://a/", "http://a.a/")->other_origin);
  EXPECT_TRUE(plan("http://a/", "https://a/")->other_origin);
}

TEST(Redirect, TakesNoUserinfoFromTheServerAndKeepsNone) {
  EXPECT_EQ(plan("http://u:p@a/", "/b")->url.href(), "http://a/b");
  EXPECT_EQ(plan("http://a/", "http://u:p@b/")->url.href(), "http://b/");
}

TEST(Redirect, RefusesWhatItMustNotFollow) {
  EXPECT_THROW(plan("https://a/", "http://a/"), http::redirect_error);
  EXPECT_NO_THROW(plan("https://a/", "http://a/", 302, "GET", true));
  for (const char* bad : {"http://", "http://[::1", "http://a:99999/", "ftp://a/", "ws://a/",
                          "javascript:alert(1)", "file:///etc/passwd"})
    EXPECT_THROW(plan("http://a/", bad), http::redirect_error) << bad;
  const headers two{{"Location", "/b"}, {"Location", "/c"}};
  EXPECT_THROW((void)plan_redirect("GET", url::parse("http://a/"), 302, two, false),
               http::redirect_error);
  const headers same{{"Location", "/b"}, {"Location", "/b"}};
  EXPECT_TRUE(plan_redirect("GET", url::parse("http://a/"), 302, same, false));
}

TEST(Redirect, StripsSecretsForAnotherOriginAndWhatDescribesABodyThatIsDropped) {
  const headers all{{"Authorization", "s"},     {"Cookie", "s=1"}, {"Proxy-Authorization", "s"},
                    {"Content-Type", "x"},      {"X-Kept", "k"},   {"Content-Encoding", "gzip"},
                    {"Content-Language", "en"}, {"Accept", "a"},   {"Content-Location", "/x"}};
  headers h = all;
  strip_fields(h, *plan("http://a/", "/b"));
  EXPECT_EQ(h, all);
  strip_fields(h, *plan("http://a/", "http://b/", 307, "POST"));
  EXPECT_EQ(h.size(), 6U);
  EXPECT_FALSE(h.contains("authorization") || h.contains("cookie") ||
               h.contains("proxy-authorization"));
  h = all;
  strip_fields(h, *plan("http://a/", "/b", 303, "POST"));
  EXPECT_EQ(h.size(), 5U);
  EXPECT_TRUE(h.contains("authorization"));
}
