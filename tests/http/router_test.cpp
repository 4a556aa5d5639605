#include <rondo/http/router.hpp>

#include <gtest/gtest.h>

#include <stdexcept>

namespace {

using rondo::http::router;

router with(std::initializer_list<std::pair<const char*, const char*>> routes) {
  router r;
  std::size_t n = 0;
  for (const auto& [method, pattern] : routes) r.add(method, pattern, n++);
  return r;
}

TEST(Router, FindsAPathByItsSegments) {
  const router r = with({{"GET", "/"}, {"GET", "/a"}, {"GET", "/a/b"}, {"GET", "/a/"}});
  EXPECT_EQ(r.find("GET", "/").handler, 0U);
  EXPECT_EQ(r.find("GET", "/a").handler, 1U);
  EXPECT_EQ(r.find("GET", "/a/b").handler, 2U);
  EXPECT_EQ(r.find("GET", "/a/").handler, 3U);
  for (const char* path : {"", "a", "/b", "/a/b/", "/a/b/c", "//", "/A", "*", "http://a/"})
    EXPECT_FALSE(r.find("GET", path).handler) << path;
}

TEST(Router, GivesParametersDecoded) {
  const router r = with({{"GET", "/u/{id}/p/{post}"}});
  const router::match m = r.find("GET", "/u/a%2Fb/p/7");
  EXPECT_EQ(m.handler, 0U);
  EXPECT_EQ(m.params, (rondo::http::path_params{{"id", "a/b"}, {"post", "7"}}));
  EXPECT_FALSE(r.find("GET", "/u//p/7").handler);  // a parameter is never empty
}

TEST(Router, PrefersLiteralsToParameters) {
  const router r =
      with({{"GET", "/{x}/b"}, {"GET", "/a/{y}"}, {"GET", "/a/b"}, {"GET", "/{x}/{y}"}});
  EXPECT_EQ(r.find("GET", "/a/b").handler, 2U);
  EXPECT_EQ(r.find("GET", "/a/c").handler, 1U);
  EXPECT_EQ(r.find("GET", "/c/b").handler, 0U);
  EXPECT_EQ(r.find("GET", "/c/d").handler, 3U);
}

TEST(Router, AnswersHeadByGetUnlessItHasItsOwn) {
  const router r = with({{"GET", "/a"}, {"GET", "/b"}, {"HEAD", "/b"}});
  EXPECT_EQ(r.find("HEAD", "/a").handler, 0U);
  EXPECT_EQ(r.find("HEAD", "/b").handler, 2U);
  EXPECT_EQ(r.find("GET", "/b").handler, 1U);
}

TEST(Router, TellsTheMethodsThatAPathHas) {
  const router r = with({{"GET", "/a"}, {"PUT", "/a"}, {"GET", "/{x}"}, {"POST", "/b"}});
  const router::match m = r.find("DELETE", "/a");
  EXPECT_FALSE(m.handler);
  EXPECT_EQ(m.allowed, "GET, PUT");
  EXPECT_EQ(r.find("DELETE", "/none/such").allowed, "");
  EXPECT_EQ(r.find("DELETE", "/b").allowed, "GET, POST");
}

TEST(Router, TellsAMethodWhoseNameAnotherHolds) {
  const router r = with({{"POSTX", "/a"}, {"POST", "/a"}});
  EXPECT_EQ(r.find("GET", "/a").allowed, "POSTX, POST");
}

TEST(Router, RefusesPatternsThatCannotBe) {
  router r = with({{"GET", "/a/{x}"}});
  EXPECT_THROW(r.add("GET", "a", 1), std::invalid_argument);
  EXPECT_THROW(r.add("GET", "", 1), std::invalid_argument);
  EXPECT_THROW(r.add("GET", "/{x}/{x}", 1), std::invalid_argument);
  EXPECT_THROW(r.add("GET", "/a/{x}", 1), std::invalid_argument);
  r.add("PUT", "/a/{x}", 1);
  EXPECT_EQ(r.find("PUT", "/a/1").handler, 1U);
}

// The same paths under another parameter's name could never be told apart.
TEST(Router, RefusesAPatternThatMatchesWhatAnotherMatches) {
  router r = with({{"GET", "/a/{x}"}});
  EXPECT_THROW(r.add("GET", "/a/{y}", 1), std::invalid_argument);
}

}  // namespace
