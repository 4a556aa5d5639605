// The cookie jar against RFC 6265bis: what is taken, what is sent where, and what is let go.
#include <rondo/http/cookies.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>

using namespace rondo;
using namespace std::chrono_literals;
using http::cookie;
using http::cookie_jar;
using http::url;

namespace {

const url host = url::parse("https://www.example.com/a/b/c");

// What a request to `to` carries after `from` set this.
std::string after(const std::string& set_cookie, const char* to,
                  const char* from = "https://www.example.com/a/b/c") {
  cookie_jar jar;
  jar.store(url::parse(from), set_cookie);
  return jar.header_for(url::parse(to));
}

bool taken(const std::string& set_cookie, const char* from = "https://www.example.com/a/b/c") {
  cookie_jar jar;
  return jar.store(url::parse(from), set_cookie) && jar.size() == 1;
}

std::string date(const char* text) {
  const auto at = http::detail::parse_cookie_date(text);
  return at ? std::to_string(at->time_since_epoch().count()) : "none";
}

}  // namespace

TEST(Cookies, GoBackToTheHostThatSetThemAndToNoOther) {
  EXPECT_EQ(after("a=1", "https://www.example.com/a/b/"), "a=1");
  EXPECT_EQ(after("a=1", "http://www.example.com/a/b/x"),
            "a=1");  // ports and schemes do not matter
  EXPECT_EQ(after("a=1", "https://www.example.com:8443/a/b/x"), "a=1");
  EXPECT_EQ(after("a=1", "https://example.com/a/b/"), "");
  EXPECT_EQ(after("a=1", "https://x.www.example.com/a/b/"), "");
  EXPECT_EQ(after("a=1", "https://www.example.org/a/b/"), "");
}

TEST(Cookies, GoToADomainAndBelowWhenTheyNameOneOfTheirHosts) {
  for (const char* domain : {"example.com", ".example.com", "EXAMPLE.com"}) {
    const std::string set = std::string("a=1; path=/; domain=") + domain;
    EXPECT_EQ(after(set, "https://example.com/"), "a=1") << domain;
    EXPECT_EQ(after(set, "https://x.y.example.com/"), "a=1");
    EXPECT_EQ(after(set, "https://badexample.com/"), "");
  }
  EXPECT_FALSE(taken("a=1; domain=example.org"));
  EXPECT_FALSE(taken("a=1; domain=x.www.example.com"));
  EXPECT_FALSE(taken("a=1; domain=ww.example.com"));
  EXPECT_FALSE(taken("a=1; domain=0.0.1", "http://127.0.0.1/"));
  EXPECT_TRUE(taken("a=1; domain=127.0.0.1", "http://127.0.0.1/"));
  EXPECT_TRUE(taken("a=1; domain="));
}

TEST(Cookies, AreRefusedForAPublicSuffix) {
  EXPECT_FALSE(taken("a=1; domain=com"));
  EXPECT_EQ(after("a=1; domain=localhost; path=/", "http://x.localhost/", "http://localhost/"), "");
  EXPECT_EQ(after("a=1; domain=localhost; path=/", "http://localhost/", "http://localhost/"),
            "a=1");
#ifdef RONDO_HAVE_PSL
  EXPECT_FALSE(taken("a=1; domain=co.uk", "https://a.co.uk/"));
  EXPECT_FALSE(taken("a=1; domain=github.io", "https://a.github.io/"));
  EXPECT_TRUE(taken("a=1; domain=a.co.uk", "https://b.a.co.uk/"));
#endif
}

TEST(Cookies, KeepToTheirPath) {
  EXPECT_EQ(after("a=1", "https://www.example.com/a/b"), "a=1");  // the default: /a/b
  EXPECT_EQ(after("a=1", "https://www.example.com/a/bc"), "");
  EXPECT_EQ(after("a=1", "https://www.example.com/a"), "");
  EXPECT_EQ(after("a=1; path=/", "https://www.example.com/x"), "a=1");
  EXPECT_EQ(after("a=1; path=x", "https://www.example.com/a/b/c"), "a=1");  // no path: the default
  EXPECT_EQ(after("a=1; path=/x/", "https://www.example.com/x"), "");
  EXPECT_EQ(after("a=1; path=/x/", "https://www.example.com/x/y"), "a=1");
  EXPECT_EQ(http::detail::default_path("/"), "/");
  EXPECT_EQ(http::detail::default_path("/a"), "/");
  EXPECT_EQ(http::detail::default_path("/a/"), "/a");
}

TEST(Cookies, KeepTheSecureOnesToHttps) {
  EXPECT_EQ(after("a=1; secure; path=/", "https://www.example.com/"), "a=1");
  EXPECT_EQ(after("a=1; secure; path=/", "http://www.example.com/"), "");
  EXPECT_FALSE(taken("a=1; secure", "http://www.example.com/"));
  cookie_jar jar;
  EXPECT_TRUE(jar.store(host, "a=1; secure; path=/; domain=example.com"));
  const url plain = url::parse("http://www.example.com/x/y");
  EXPECT_FALSE(jar.store(plain, "a=2; path=/; domain=example.com"));
  EXPECT_FALSE(jar.store(plain, "a=2; path=/x"));
  EXPECT_TRUE(jar.store(plain, "b=2"));
  EXPECT_EQ(jar.header_for(url::parse("https://www.example.com/")), "a=1");
}

TEST(Cookies, KeepTheirPrefixesPromises) {
  EXPECT_TRUE(taken("__Secure-a=1; secure"));
  EXPECT_FALSE(taken("__Secure-a=1"));
  EXPECT_FALSE(taken("__SECURE-a=1"));
  EXPECT_TRUE(taken("__Host-a=1; secure; path=/"));
  EXPECT_FALSE(taken("__Host-a=1; secure"));
  EXPECT_FALSE(taken("__Host-a=1; path=/"));
  EXPECT_FALSE(taken("__Host-a=1; secure; path=/; domain=www.example.com"));
  EXPECT_FALSE(taken("__hOsT-a=1; path=/"));
  EXPECT_FALSE(taken("=__Host-a=1; secure"));
  EXPECT_FALSE(taken("__Secure-a"));
}

TEST(Cookies, KeepSameSiteAndHttpOnly) {
  cookie_jar jar;
  jar.store(host, "a=1; samesite=lax; HTTPONLY");
  ASSERT_EQ(jar.size(), 1U);
  EXPECT_EQ(jar.all()[0].same_site, http::same_site::lax);
  EXPECT_TRUE(jar.all()[0].http_only);
  EXPECT_TRUE(taken("a=1; SameSite=Strict"));
  EXPECT_TRUE(taken("a=1; SameSite=None; secure"));
  EXPECT_FALSE(taken("a=1; SameSite=None"));
}

TEST(Cookies, EndWithMaxAgeWhichCountsForMoreThanExpires) {
  EXPECT_TRUE(taken("a=1; max-age=10; expires=Thu, 01 Jan 1970 00:00:00 GMT"));
  EXPECT_FALSE(taken("a=1; max-age=0; expires=Fri, 31 Dec 2999 00:00:00 GMT"));
  EXPECT_FALSE(taken("a=1; max-age=-1"));
  EXPECT_FALSE(taken("a=1; expires=Thu, 01 Jan 1970 00:00:00 GMT"));
  EXPECT_TRUE(taken("a=1; max-age=soon"));
  EXPECT_TRUE(taken("a=1; max-age="));
  EXPECT_TRUE(taken("a=1; max-age=99999999999999999999"));
  cookie_jar jar;
  jar.store(host, "a=1; max-age=99999999999999999999");
  ASSERT_EQ(jar.size(), 1U);
  EXPECT_LE(*jar.all()[0].expires, std::chrono::system_clock::now() + std::chrono::days(400));
  jar.store(host, "a=2; max-age=0");  // deletes it
  EXPECT_EQ(jar.size(), 0U);
}

TEST(Cookies, ReadDatesAsLenientlyAsTheyAreWritten) {
  for (const char* text :
       {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994", "6 november 1994 8:49:37", "08:49:37 1994 Nov 6x"})
    EXPECT_EQ(date(text), "784111777") << text;
  EXPECT_EQ(date("1 Jan 69 0:0:0"), date("1 Jan 2069 0:0:0"));
  EXPECT_EQ(date("1 Jan 70 0:0:0"), "0");
  for (const char* text : {"", "06 Nov 1994", "08:49:37 Nov 1994", "31 Feb 2000 0:0:0",
                           "1 Jan 1600 0:0:0", "1 Jan 2000 24:0:0", "1 Jan 2000 0:60:0",
                           "1 Jan 20000 0:0:0", "111 Jan 2000 0:0:0", "1 Jam 2000 0:0:0"})
    EXPECT_EQ(date(text), "none") << text;
}

TEST(Cookies, AreReadAsUserAgentsReadThem) {
  EXPECT_EQ(after("  a  =  1 2  ; path=/", "https://www.example.com/"), "a=1 2");
  EXPECT_EQ(after("a=\"1\"; path=/", "https://www.example.com/"), "a=\"1\"");
  EXPECT_EQ(after("a=b=c; path=/", "https://www.example.com/"), "a=b=c");
  EXPECT_EQ(after("alone; path=/", "https://www.example.com/"), "alone");
  EXPECT_EQ(after("=alone; path=/", "https://www.example.com/"), "alone");
  EXPECT_EQ(after("a=; path=/", "https://www.example.com/"), "a=");
  EXPECT_EQ(after("a=1; path=/; path=/x", "https://www.example.com/x"), "a=1");
  EXPECT_FALSE(taken(""));
  EXPECT_FALSE(taken("="));
  EXPECT_FALSE(taken("; path=/"));
  EXPECT_TRUE(taken("a=" + std::string(4095, 'x')));
  EXPECT_FALSE(taken("a=" + std::string(4096, 'x')));
  EXPECT_TRUE(
      taken("a=1; path=/" + std::string(2000, 'x')));  // an attribute too long is no attribute
  for (const char c : {'\0', '\r', '\n', '\x01', '\x1f', '\x7f'})
    EXPECT_FALSE(taken(std::string("a=1") + c + "b")) << static_cast<int>(c);
}

TEST(Cookies, AreSentLongestPathFirstThenOldestFirst) {
  cookie_jar jar;
  jar.store(host, "a=1; path=/");
  jar.store(host, "b=2; path=/a");
  jar.store(host, "c=3; path=/a");
  jar.store(host, "b=4; path=/a");  // replaced, and as old as before
  EXPECT_EQ(jar.header_for(url::parse("https://www.example.com/a")), "b=4; c=3; a=1");
}

TEST(Cookies, AreLimitedInNumber) {
  cookie_jar jar({.per_domain = 3, .total = 5});
  for (int i = 0; i < 3; ++i) jar.store(host, "n" + std::to_string(i) + "=1; path=/");
  jar.store(host, "s=1; secure; path=/");
  EXPECT_EQ(jar.size(), 3U);
  EXPECT_EQ(jar.header_for(host), "n1=1; n2=1; s=1");
  jar.store(host, "n3=1; path=/");
  EXPECT_EQ(jar.header_for(host), "n2=1; s=1; n3=1");  // the secure one outlives older others
  for (int i = 0; i < 10; ++i)
    jar.store(url::parse("https://h" + std::to_string(i) + ".test/"), "a=1");
  EXPECT_EQ(jar.size(), 5U);
  EXPECT_EQ(jar.header_for(url::parse("https://h9.test/")), "a=1");
}

namespace {

// n cookies of one host, each "NNN=" and a value that makes `bytes` of it; the first one is the
// oldest.
cookie_jar full_jar(int n, std::size_t bytes, http::cookie_limits limits = {}) {
  cookie_jar jar(limits);
  for (int i = 100; i < 100 + n; ++i)
    jar.store(host, std::to_string(i) + '=' + std::string(bytes - 4, 'x') + "; path=/");
  return jar;
}
std::size_t count_of(const std::string& field) {
  return field.empty() ? 0 : 1 + static_cast<std::size_t>(std::ranges::count(field, ';'));
}

}  // namespace

// The kind of CVE-2022-32205: a server, or a sibling of it, that fills the jar until every request
// is refused.
TEST(Cookies, FillAFieldOf8190BytesAtMostAndTheOldestAreLeftOut) {
  // "Cookie: " and six of 1022 bytes, two of 1018, and the "; " between them.
  cookie_jar below = full_jar(6, 1022);
  below.store(host, "200=" + std::string(1014, 'y') + "; path=/");
  below.store(host, "201=" + std::string(1014, 'y') + "; path=/");
  EXPECT_EQ(below.header_for(host).size(), 8182U);
  cookie_jar above = full_jar(6, 1022);
  above.store(host, "200=" + std::string(1014, 'y') + "; path=/");
  above.store(host, "201=" + std::string(1015, 'y') + "; path=/");
  const std::string sent = above.header_for(host);
  EXPECT_EQ(count_of(sent), 7U);
  EXPECT_EQ(sent.find("100="), std::string::npos);
  EXPECT_TRUE(sent.starts_with("101=")) << "the rest keeps its order";

  cookie_jar flooded;
  flooded.store(host, "session=1; path=/");
  for (int i = 0; i < 49; ++i)
    flooded.store(host, "flood" + std::to_string(i) + '=' + std::string(4000, 'x') + "; path=/");
  EXPECT_EQ(count_of(flooded.header_for(host)), 3U);
  EXPECT_TRUE(flooded.header_for(host).starts_with("session=1; "))
      << "what fits beside newer ones is sent";
  EXPECT_EQ(flooded.size(), 50U);
}

TEST(Cookies, AreSentAHundredAndFiftyAtATime) {
  const http::cookie_limits wide{.per_domain = 1000};
  EXPECT_EQ(count_of(full_jar(150, 5, wide).header_for(host)), 150U);
  const std::string sent = full_jar(151, 5, wide).header_for(host);
  EXPECT_EQ(count_of(sent), 150U);
  EXPECT_TRUE(sent.starts_with("101=")) << sent.substr(0, 20);
}

TEST(Cookies, OfARequestItselfTakeTheirShareOfItsBytes) {
  cookie_jar jar = full_jar(3, 10, {.sent_bytes = 48});
  EXPECT_EQ(count_of(jar.header_for(host)), 3U);
  EXPECT_EQ(count_of(jar.header_for(host, 4)), 3U);  // "a=bc; " and 34
  EXPECT_EQ(count_of(jar.header_for(host, 5)), 2U);
  EXPECT_EQ(jar.header_for(host, 40), "");
  EXPECT_EQ(jar.header_for(host, 1000), "");
}

TEST(Cookies, OfADomainAreFiftyAtMost) {
  EXPECT_EQ(full_jar(50, 5).size(), 50U);
  cookie_jar jar = full_jar(51, 5);
  EXPECT_EQ(jar.size(), 50U);
  EXPECT_TRUE(jar.header_for(host).starts_with("101="));
  for (int i = 0; i < 200; ++i)  // of a sibling, for the domain of both
    jar.store(url::parse("https://other.example.com/"),
              "s" + std::to_string(i) + "=1; domain=example.com; path=/");
  EXPECT_EQ(jar.size(), 100U);
}

TEST(Cookies, AreSavedAndLoadedAsCookiesTxt) {
  cookie_jar jar;
  jar.store(host, "a=1; path=/; max-age=1000; secure; httponly; domain=example.com");
  jar.store(host, "b=2");
  const std::string text = jar.save();
  EXPECT_NE(text.find("#HttpOnly_.example.com\tTRUE\t/\tTRUE\t"), std::string::npos) << text;
  EXPECT_NE(text.find("\nwww.example.com\tFALSE\t/a/b\tFALSE\t0\tb\t2\n"), std::string::npos)
      << text;
  cookie_jar again;
  again.load(text);
  EXPECT_EQ(again.save(), text);
  EXPECT_EQ(again.header_for(host), "b=2; a=1");
  again.clear_session();
  EXPECT_EQ(again.header_for(host), "a=1");
  for (const char* bad : {"one field", "d\tFALSE\t/\tFALSE\tx\tn\tv", "d\tFALSE\tp\tFALSE\t0\tn\tv",
                          "\tFALSE\t/\tFALSE\t0\tn\tv", "d\tFALSE\t/\tFALSE\t0\tn\tv;x"})
    EXPECT_THROW(again.load(std::string("# ok\n") + bad), std::invalid_argument) << bad;
  EXPECT_EQ(again.size(), 1U);
}

TEST(Cookies, MayBeSetByHandWhenTheyCanBeSent) {
  cookie_jar jar;
  jar.set({.name = "a", .value = "1", .domain = "Example.com", .expires = {}, .host_only = false});
  EXPECT_EQ(jar.header_for(host), "a=1");
  for (const cookie& bad :
       {cookie{.name = "a;b", .value = "", .domain = "d", .expires = {}},
        cookie{.name = "a\n", .value = "", .domain = "d", .expires = {}},
        cookie{.name = "a", .value = "1\r\nX: y", .domain = "d", .expires = {}},
        cookie{.name = "a", .value = "", .domain = "", .expires = {}},
        cookie{.name = "a", .value = "", .domain = "d", .path = "x", .expires = {}}})
    EXPECT_THROW(jar.set(bad), std::invalid_argument);
}
