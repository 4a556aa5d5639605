#include <rondo/http/server/router.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

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

TEST(Router, FindsEachOfManyRoutes) {
  router r;
  const auto path = [](std::size_t i) {
    return (i % 3 == 0 ? "/resource" : "/r") + std::to_string(i) + "/of";
  };
  constexpr std::size_t many = 500;
  for (std::size_t i = 0; i < many; ++i) r.add("GET", path(i) + "/{x}", i);
  r.add("GET", "/{any}/of/{x}", many);
  for (std::size_t i = 0; i < many; ++i) EXPECT_EQ(r.find("GET", path(i) + "/1").handler, i);
  EXPECT_EQ(r.find("GET", path(many) + "/1").handler, many);
  EXPECT_FALSE(r.find("GET", path(0)).handler);
}

TEST(Router, FindsAPathOfManySegments) {
  const router r = with({{"GET", "/1/2/3/4/5/6/7/8"},
                         {"GET", "/1/2/3/4/5/6/7/8/9"},
                         {"GET", "/1/2/3/4/5/6/7/{x}/9/10"},
                         {"GET", "/2/{rest...}"}});
  EXPECT_EQ(r.find("GET", "/1/2/3/4/5/6/7/8").handler, 0U);
  EXPECT_EQ(r.find("GET", "/1/2/3/4/5/6/7/8/9").handler, 1U);
  const router::match m = r.find("GET", "/1/2/3/4/5/6/7/%38/9/10");
  EXPECT_EQ(m.handler, 2U);
  EXPECT_EQ(m.params, (rondo::http::path_params{{"x", "8"}}));
  std::string slashes(10'000, '/');
  EXPECT_EQ(r.find("GET", "/2" + slashes).params,
            (rondo::http::path_params{{"rest", slashes.substr(1)}}));
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
  EXPECT_EQ(m.allowed, "GET, HEAD, PUT, OPTIONS");
  EXPECT_EQ(r.find("DELETE", "/none/such").allowed, "");
  EXPECT_EQ(r.find("DELETE", "/b").allowed, "GET, HEAD, POST, OPTIONS");
}

TEST(Router, TellsAMethodWhoseNameAnotherHolds) {
  const router r = with({{"POSTX", "/a"}, {"POST", "/a"}});
  EXPECT_EQ(r.find("GET", "/a").allowed, "POSTX, POST, OPTIONS");
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

TEST(Router, ComparesSegmentsDecoded) {
  const router r = with({{"GET", "/robots.txt"},
                         {"GET", "/u/{name}"},
                         {"GET", "/caf\xc3\xa9"},
                         {"GET", "/100%25"},
                         {"GET", "/a%20b/x"}});
  EXPECT_EQ(r.find("GET", "/robots.tx%74").handler, 0U);
  EXPECT_EQ(r.find("GET", "/%72%6f%62%6F%74%73.txt").handler, 0U);
  EXPECT_EQ(r.find("GET", "/%75/a").handler, 1U);
  EXPECT_EQ(r.find("GET", "/caf%c3%a9").handler, 2U);
  EXPECT_EQ(r.find("GET", "/caf%C3%A9").handler, 2U);
  EXPECT_EQ(r.find("GET", "/caf\xc3\xa9").handler, 2U);
  EXPECT_EQ(r.find("GET", "/100%25").handler, 3U);
  EXPECT_EQ(r.find("GET", "/a%20%62/x").handler, 4U);
}

TEST(Router, DecodesOnceAndAfterSplitting) {
  const router r = with({{"GET", "/u/{name}"}, {"GET", "/a/b"}, {"GET", "/a%2Fb"}});
  EXPECT_EQ(r.find("GET", "/a/b").handler, 1U);
  EXPECT_EQ(r.find("GET", "/a%2Fb").handler, 2U);
  EXPECT_EQ(r.find("GET", "/a%2fb").handler, 2U);
  EXPECT_FALSE(r.find("GET", "/a%252Fb").handler);
  EXPECT_FALSE(r.find("GET", "/u%2Fx").handler);
  EXPECT_EQ(r.find("GET", "/u/%2541").params, (rondo::http::path_params{{"name", "%41"}}));
}

TEST(Router, TellsAPathThatCannotBeDecoded) {
  const router r = with({{"GET", "/u/{name}"}, {"GET", "/{rest...}"}});
  for (const char* path : {"/%", "/%z", "/%zz", "/u/a%", "/u/%4", "/u/%4g", "/none/%", "/%%"}) {
    EXPECT_TRUE(r.find("GET", path).malformed) << path;
    EXPECT_FALSE(r.find("GET", path).handler) << path;
  }
  EXPECT_FALSE(r.find("GET", "/u/%25").malformed);
}

TEST(Router, TakesAllThatFollows) {
  const router r = with({{"GET", "/static/{rest...}"}, {"GET", "/u/{id}/{tail...}"}});
  const auto rest = [&](const char* path) {
    const router::match m = r.find("GET", path);
    return m.handler ? m.params.back().second : "none";
  };
  EXPECT_EQ(rest("/static/"), "");
  EXPECT_EQ(rest("/static/a"), "a");
  EXPECT_EQ(rest("/static/a/b/"), "a/b/");
  EXPECT_EQ(rest("/static//a"), "/a");
  EXPECT_EQ(rest("/static/a%20b/%2525"), "a b/%25");
  EXPECT_EQ(rest("/static"), "none");
  EXPECT_EQ(r.find("GET", "/u/7/x/y").params,
            (rondo::http::path_params{{"id", "7"}, {"tail", "x/y"}}));
  EXPECT_FALSE(r.find("GET", "/u/7").handler);
  EXPECT_EQ(r.find("PUT", "/static/a").allowed, "GET, HEAD, OPTIONS");
}

TEST(Router, PrefersWhatSaysMoreToAllThatFollows) {
  const router r = with({{"GET", "/{rest...}"},
                         {"GET", "/a/{x}"},
                         {"GET", "/a/b"},
                         {"GET", "/a/{rest...}"},
                         {"GET", "/a/"},
                         {"HEAD", "/{rest...}"}});
  EXPECT_EQ(r.find("GET", "/").handler, 0U);
  EXPECT_EQ(r.find("GET", "/b").handler, 0U);
  EXPECT_EQ(r.find("GET", "/a/c").handler, 1U);
  EXPECT_EQ(r.find("GET", "/a/b").handler, 2U);
  EXPECT_EQ(r.find("GET", "/a/b/c").handler, 3U);
  EXPECT_EQ(r.find("GET", "/a/").handler, 4U);
  EXPECT_EQ(r.find("HEAD", "/b").handler, 5U);
}

TEST(Router, RefusesPatternsThatMakeNoSenseAndSaysWhy) {
  const std::pair<const char*, const char*> cases[] = {
      {"/{rest...}/a", "goes on behind {rest...}"},
      {"/{a...}/{b...}", "goes on behind {a...}"},
      {"/{a...}/", "goes on behind {a...}"},
      {"/{x}/{x...}", "names {x} twice"},
      {"/{}", "without a name"},
      {"/{...}", "without a name"},
      {"/{a b}", "without a name"},
      {"/{a..}", "without a name"},
      {"/{a", "brace within a segment"},
      {"/a}", "brace within a segment"},
      {"/a{b}", "brace within a segment"},
      {"/{a}b", "brace within a segment"},
      {"/{", "brace within a segment"},
      {"/a?b", "no path does"},
      {"/a#b", "no path does"},
      {"/100%", "two hexadecimal digits"},
      {"/%zz", "two hexadecimal digits"},
  };
  router r;
  for (const auto& [pattern, why] : cases) {
    try {
      r.add("GET", pattern, 0);
      ADD_FAILURE() << pattern;
    } catch (const std::invalid_argument& e) {
      EXPECT_NE(std::string(e.what()).find(why), std::string::npos) << e.what();
      EXPECT_NE(std::string(e.what()).find(pattern), std::string::npos) << e.what();
    }
  }
  for (const char* method : {"", "GE T", "GET/", "CONNECT"})
    EXPECT_THROW(r.add(method, "/", 0), std::invalid_argument) << method;
  EXPECT_EQ(r.all_methods(), "OPTIONS") << "what was refused is not there";
}

TEST(Router, KnowsThatTwoSpellingsAreOneRoute) {
  router r = with({{"GET", "/caf\xc3\xa9"}, {"GET", "/s/{rest...}"}});
  EXPECT_THROW(r.add("GET", "/caf%C3%A9", 1), std::invalid_argument);
  EXPECT_THROW(r.add("GET", "/s/{more...}", 1), std::invalid_argument);
  r.add("GET", "/s/{one}", 1);
}

}  // namespace
