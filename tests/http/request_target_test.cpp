#include <rondo/http/server/request_target.hpp>

#include <gtest/gtest.h>

#include <string>

namespace {

using rondo::http::detail::read_target;

// "authority|path|problem?".
std::string read(std::string_view method, std::string_view target) {
  const auto t = read_target(method, target);
  if (t.problem) return "refused";
  return std::string(t.authority) + '|' + std::string(target.substr(t.path_begin, t.path_size)) +
         (t.whole_server ? "|server" : "");
}

TEST(RequestTarget, ReadsTheFourForms) {
  EXPECT_EQ(read("GET", "/"), "|/");
  EXPECT_EQ(read("GET", "/a/b?c?d"), "|/a/b");
  EXPECT_EQ(read("GET", "/http://a/?b"), "|/http://a/");
  EXPECT_EQ(read("GET", "/?http://a/"), "|/");
  EXPECT_EQ(read("OPTIONS", "*"), "|*|server");
  EXPECT_EQ(read("OPTIONS", "http://a:1"), "a:1||server");
  EXPECT_EQ(read("OPTIONS", "http://a/"), "a|/");
  EXPECT_EQ(read("OPTIONS", "http://a?"), "a|");
  EXPECT_EQ(read("CONNECT", "a:1"), "|a:1");
  EXPECT_EQ(read("GET", "http://a"), "a|");
  EXPECT_EQ(read("GET", "http://a?b"), "a|");
  EXPECT_EQ(read("GET", "HTTPS://a.b:8443/c?d"), "a.b:8443|/c");
  EXPECT_EQ(read("GET", "http://[::1]:80/c"), "[::1]:80|/c");
  EXPECT_EQ(read("GET", "http://a:/c"), "a:|/c");
  EXPECT_EQ(read("GET", "http://a/@?@"), "a|/@");
}

TEST(RequestTarget, RefusesWhatNamesNobodyOrSomebodyElse) {
  for (const char* target :
       {"ftp://a/", "ws://a/", "httpx://a/", "http://u@a/", "http://u:p@a/", "http://@a/",
        "http:///a", "http://", "http://:80/", "http://?a", "http://a:b/", "http://a\\b/",
        "http://[::1/", "http://[]/", "http://a:1:2/"}) {
    EXPECT_EQ(read("GET", target), "refused") << target;
  }
}

TEST(RequestTarget, SaysThatUserInformationIsWhatItRefuses) {
  EXPECT_STREQ(read_target("GET", "http://u:p@a/").problem,
               "a request target with user information");
  EXPECT_STREQ(read_target("GET", "http://a\\b/").problem, "a request target that names no host");
}

}  // namespace
