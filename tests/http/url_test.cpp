#include <rondo/http/errors.hpp>
#include <rondo/http/url.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "test_data.hpp"

namespace {

using rondo::http::encode_set;
using rondo::http::percent_decode;
using rondo::http::percent_encode;
using rondo::http::url;
using rondo::http::url_error;
using json = nlohmann::json;

std::optional<url> try_parse(std::string_view text) {
  try {
    return url::parse(text);
  } catch (const url_error&) {
    return std::nullopt;
  }
}

// The message of the url_error that parsing `text` ends with; empty when it does not.
std::string complaint(std::string_view text) {
  try {
    (void)url::parse(text);
  } catch (const url_error& e) {
    return e.what();
  }
  return {};
}

TEST(Url, PartsOfAFullUrlAreFound) {
  const url u = url::parse("https://user:pass@example.org:8443/a/b?x=1#top");
  EXPECT_EQ(u.scheme(), "https");
  EXPECT_EQ(u.username(), "user");
  EXPECT_EQ(u.password(), "pass");
  EXPECT_TRUE(u.has_credentials());
  EXPECT_EQ(u.host(), "example.org");
  EXPECT_EQ(u.port(), 8443);
  EXPECT_EQ(u.explicit_port(), 8443);
  EXPECT_EQ(u.path(), "/a/b");
  EXPECT_EQ(u.query(), "x=1");
  EXPECT_EQ(u.fragment(), "top");
  EXPECT_EQ(u.target(), "/a/b?x=1");
  EXPECT_EQ(u.host_header(), "example.org:8443");
  EXPECT_EQ(u.origin(), "https://example.org:8443");
  EXPECT_EQ(u.href(), "https://user:pass@example.org:8443/a/b?x=1#top");
}

TEST(Url, TheShortestUrlHasAPathAndTheSchemesPort) {
  const url u = url::parse("http://a");
  EXPECT_EQ(u.href(), "http://a/");
  EXPECT_EQ(u.port(), 80);
  EXPECT_EQ(u.explicit_port(), std::nullopt);
  EXPECT_FALSE(u.has_credentials());
  EXPECT_EQ(u.username(), "");
  EXPECT_EQ(u.password(), "");
  EXPECT_EQ(u.query(), std::nullopt);
  EXPECT_EQ(u.fragment(), std::nullopt);
}

TEST(Url, EachSchemeHasItsPortAndSecurity) {
  EXPECT_EQ(url::parse("http://a").port(), 80);
  EXPECT_EQ(url::parse("https://a").port(), 443);
  EXPECT_EQ(url::parse("ws://a").port(), 80);
  EXPECT_EQ(url::parse("wss://a").port(), 443);
  EXPECT_FALSE(url::parse("http://a").is_secure());
  EXPECT_TRUE(url::parse("https://a").is_secure());
  EXPECT_FALSE(url::parse("ws://a").is_secure());
  EXPECT_TRUE(url::parse("wss://a").is_secure());
}

TEST(Url, TheSchemesOwnPortIsNotKept) {
  EXPECT_EQ(url::parse("http://a:80/").href(), "http://a/");
  EXPECT_EQ(url::parse("https://a:80/").explicit_port(), 80);
  EXPECT_EQ(url::parse("http://a:0/").explicit_port(), 0);
  EXPECT_EQ(url::parse("http://a:65535/").port(), 65535);
}

TEST(Url, AnIpv6HostHasBracketsAndAHostnameWithout) {
  const url u = url::parse("http://[2001:DB8:0:0:0::1]:8080/");
  EXPECT_EQ(u.host(), "[2001:db8::1]");
  EXPECT_EQ(u.hostname(), "2001:db8::1");
  EXPECT_EQ(u.host_header(), "[2001:db8::1]:8080");
}

TEST(Url, AnEmptyQueryIsNotTheAbsenceOfOne) {
  EXPECT_EQ(url::parse("http://a/?").query(), "");
  EXPECT_EQ(url::parse("http://a/?").target(), "/?");
  EXPECT_EQ(url::parse("http://a/#").fragment(), "");
  EXPECT_NE(url::parse("http://a/?"), url::parse("http://a/"));
}

TEST(Url, EqualityIsThatOfTheNormalForm) {
  EXPECT_EQ(url::parse("HTTP://A:80/x/../%7Ey"), url::parse("http://a/%7Ey"));
  EXPECT_NE(url::parse("http://a/%7Ey"), url::parse("http://a/~y"));
}

TEST(Url, ARelativeReferenceTakesFromTheBaseWhatItLacks) {
  const url base = url::parse("https://u:p@example.org:444/a/b?q#f");
  EXPECT_EQ(url::parse("../c", base).href(), "https://u:p@example.org:444/c");
  EXPECT_EQ(url::parse("c", base).href(), "https://u:p@example.org:444/a/c");
  EXPECT_EQ(url::parse("/c", base).href(), "https://u:p@example.org:444/c");
  EXPECT_EQ(url::parse("?r", base).href(), "https://u:p@example.org:444/a/b?r");
  EXPECT_EQ(url::parse("#g", base).href(), "https://u:p@example.org:444/a/b?q#g");
  EXPECT_EQ(url::parse("", base).href(), "https://u:p@example.org:444/a/b?q");
  EXPECT_EQ(url::parse("//other/", base).href(), "https://other/");
  EXPECT_EQ(url::parse("http://other", base).href(), "http://other/");
  EXPECT_EQ(url::parse("#g", base).path(), "/a/b");
  EXPECT_EQ(url::parse("#g", base).query(), "q");
  EXPECT_EQ(url::parse("#g", base).password(), "p");
}

TEST(Url, AQueryIsBuiltFromEncodedPairs) {
  const url u = url::parse("http://a/x#f").with_query("q", "a b&c=d").with_query("n", "1+1/ü");
  EXPECT_EQ(u.href(), "http://a/x?q=a%20b%26c%3Dd&n=1%2B1%2F%C3%BC#f");
  EXPECT_EQ(u.fragment(), "f");
  EXPECT_EQ(u.target(), "/x?q=a%20b%26c%3Dd&n=1%2B1%2F%C3%BC");
  EXPECT_EQ(url::parse("http://a/?").with_query("q", "").href(), "http://a/?q=");
  EXPECT_EQ(url::parse(u.href()), u);
}

TEST(Url, AFragmentIsReplacedAndRemoved) {
  const url u = url::parse("http://a/x?y#z");
  EXPECT_EQ(u.with_fragment("new one").href(), "http://a/x?y#new%20one");
  EXPECT_EQ(u.without_fragment().href(), "http://a/x?y");
  EXPECT_EQ(url::parse("http://a/").with_fragment("").href(), "http://a/#");
}

TEST(Url, WithoutCredentialsOnlyThoseAreGone) {
  const url u = url::parse("https://user:pass@h:1/p?q#f").without_credentials();
  EXPECT_EQ(u.href(), "https://h:1/p?q#f");
  EXPECT_EQ(u.host(), "h");
  EXPECT_EQ(u.port(), 1);
  EXPECT_EQ(u.target(), "/p?q");
  EXPECT_EQ(u.fragment(), "f");
  EXPECT_FALSE(u.has_credentials());
}

TEST(Url, ARedactedUrlShowsNoCredentials) {
  EXPECT_EQ(url::parse("https://token@h/p@q").redacted(), "https://***@h/p@q");
  EXPECT_EQ(url::parse("https://u:p@h/").redacted(), "https://***@h/");
  EXPECT_EQ(url::parse("https://h/a@b").redacted(), "https://h/a@b");
}

TEST(Url, AnErrorSaysWhatIsWrongAndWhere) {
  try {
    (void)url::parse("  http://exa\tmple.org:99999/");
    FAIL() << "the port was taken";
  } catch (const url_error& e) {
    EXPECT_EQ(e.message(), "the port is above 65535, at byte 22");
    EXPECT_EQ(e.position(), 22u);
    EXPECT_EQ(e.phase(), rondo::http::phase::url);
  }
}

TEST(Url, ErrorsNameTheProblem) {
  EXPECT_NE(complaint("ftp://a/").find("'ftp' is not one of http, https, ws and wss"),
            std::string::npos);
  EXPECT_NE(complaint("/just/a/path").find("the scheme is missing"), std::string::npos);
  EXPECT_NE(complaint("http://").find("the host is empty"), std::string::npos);
  EXPECT_NE(complaint("http://a:b/").find("the port is not a number"), std::string::npos);
  EXPECT_NE(complaint("http://[::1/").find("no closing ']'"), std::string::npos);
  EXPECT_NE(complaint("http://[1::2::3]/").find("IPv6 address is malformed"), std::string::npos);
  EXPECT_NE(complaint("http://1.2.3.256/").find("IPv4 address"), std::string::npos);
#ifdef RONDO_HAVE_IDN
  EXPECT_EQ(url::parse("http://B\xc3\x9c"
                       "cher.example/")
                .host(),
            "xn--bcher-kva.example");
  EXPECT_NE(complaint("http://\xc3/"), "");
#else
  EXPECT_NE(complaint("http://b\xc3\xbc"
                      "cher.example/")
                .find("xn-- form"),
            std::string::npos);
#endif
  EXPECT_NE(complaint("http://a b/").find("no host may have"), std::string::npos);
}

TEST(Url, AnErrorShowsNoPassword) {
  for (const char* text :
       {"http://user:secret@host:port/", "http://user:sec/ret@host/", "ftp://user:secret@host/",
        "user:secret@host", "http://u:secret#@:/x@"}) {
    const std::string said = complaint(text);
    EXPECT_NE(said, "") << text;
    EXPECT_EQ(said.find("sec"), std::string::npos) << said;
  }
}

TEST(Url, AUrlOfOneMebibyteIsTakenAndOneByteMoreIsRefused) {
  const std::string prefix = "http://a/";
  std::string text = prefix + std::string((1 << 20) - prefix.size(), 'x');
  EXPECT_TRUE(try_parse(text).has_value());
  text += 'x';
  EXPECT_FALSE(try_parse(text).has_value());
}

TEST(PercentCoding, ComponentEncodingRoundTripsEveryByte) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  const std::string encoded = percent_encode(all);
  for (char c : encoded) EXPECT_TRUE(c > 0x20 && c < 0x7f);
  EXPECT_EQ(percent_decode(encoded), all);
}

TEST(PercentCoding, WhatIsNoEscapeStaysWhenDecoding) {
  EXPECT_EQ(percent_decode("%"), "%");
  EXPECT_EQ(percent_decode("%4"), "%4");
  EXPECT_EQ(percent_decode("%zz%41"), "%zzA");
  EXPECT_EQ(percent_decode("%%41"), "%A");
}

TEST(PercentCoding, ThePublicSuitePassesForUtf8) {
  const auto text = rondo::test::read_data("url/percent-encoding.json");
  if (!text) GTEST_SKIP() << "no test data: set RONDO_TEST_DATA";
  int ran = 0;
  for (const json& c : json::parse(*text)) {
    if (!c.is_object() || !c["output"].contains("utf-8")) continue;
    ++ran;
    const auto input = c["input"].get<std::string>();
    const auto expected = c["output"]["utf-8"].get<std::string>();
    EXPECT_EQ(percent_encode(input, encode_set::special_query), expected);
    EXPECT_EQ(url::parse("http://a/?" + input + "#x").query(), expected);
  }
  std::printf("percent-encoding.json: %d cases run\n", ran);
  EXPECT_GE(ran, 7);
}

// --- the web platform's suite -----------------------------------------------------------------

bool is_ours(const std::string& text) {
  std::string scheme;
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20) continue;  // what the parser strips
    if (c == ':') break;
    scheme += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  }
  return scheme == "http" || scheme == "https" || scheme == "ws" || scheme == "wss";
}

bool has_scheme(const std::string& text) {
  const std::size_t colon = text.find_first_of(":/\\?#");
  return colon != std::string::npos && text[colon] == ':' && colon > 0;
}

// Hosts beyond ASCII need the tables of IDNA.
[[maybe_unused]] bool needs_idna(const std::string& input) {
  const std::size_t slashes = input.find("//");
  if (slashes == std::string::npos) return false;
  std::string host = input.substr(slashes + 2);
  host = host.substr(0, host.find_first_of("/\\?#"));
  if (const std::size_t at = host.rfind('@'); at != std::string::npos) host.erase(0, at + 1);
  for (char c : percent_decode(host)) {
    if (static_cast<unsigned char>(c) >= 0x80) return true;
  }
  return false;
}

// Cases that libidn2 answers differently from the standard.
[[maybe_unused]] bool differs_in_libidn2(const std::string& input) {
  static const std::set<std::string> known{"https://%e2%98%83"};  // a symbol
  return known.contains(input);
}

struct tally {
  int ran = 0;
  int passed = 0;
  int left_out = 0;
  int other_schemes = 0;
};

bool matches(const json& c, const url& u) {
  const auto part = [&c](const char* name) { return c[name].get<std::string>(); };
  const auto marked = [](char mark, std::optional<std::string_view> text) {
    return text && !text->empty() ? mark + std::string(*text) : std::string();
  };
  bool same = u.href() == part("href");
  same = same && std::string(u.scheme()) + ":" == part("protocol");
  same = same && u.username() == part("username") && u.password() == part("password");
  same = same && u.host_header() == part("host") && u.host() == part("hostname");
  same = same && (u.explicit_port() ? std::to_string(*u.explicit_port()) : "") == part("port");
  same = same && u.path() == part("pathname");
  same = same && marked('?', u.query()) == part("search");
  same = same && marked('#', u.fragment()) == part("hash");
  if (c.contains("origin")) same = same && u.origin() == part("origin");
  return same;
}

void run_case(const json& c, tally& count) {
  const auto input = c["input"].get<std::string>();
  const std::string base_text =
      c.contains("base") && c["base"].is_string() ? c["base"].get<std::string>() : std::string();
  const bool relative_to_ours = !base_text.empty() && is_ours(base_text);
  if (!is_ours(input) && (!relative_to_ours || has_scheme(input))) {
    // Another scheme. It must at least be refused when given as an absolute URL.
    ++count.other_schemes;
    if (has_scheme(input)) EXPECT_FALSE(try_parse(input).has_value()) << input;
    return;
  }
#ifdef RONDO_HAVE_IDN
  const bool left_out = differs_in_libidn2(input);
#else
  const bool left_out = needs_idna(input);
#endif
  if (left_out) {
    ++count.left_out;
    std::printf("  left out (IDNA): %s\n", c["input"].dump().c_str());
#ifndef RONDO_HAVE_IDN
    EXPECT_FALSE(try_parse(input).has_value()) << "a host beyond ASCII was taken: " << input;
#endif
    return;
  }
  ++count.ran;
  std::optional<url> parsed;
  std::string why;
  try {
    if (relative_to_ours) {
      parsed = url::parse(input, url::parse(base_text));
    } else {
      parsed = url::parse(input);
    }
  } catch (const url_error& e) {
    why = e.what();
  }
  const bool must_fail = c.contains("failure") && c["failure"].get<bool>();
  const bool good = must_fail ? !parsed.has_value() : parsed.has_value() && matches(c, *parsed);
  if (good) {
    ++count.passed;
    // The normal form is a fixed point.
    if (parsed) EXPECT_EQ(url::parse(parsed->href()), *parsed);
  } else {
    ADD_FAILURE() << c.dump() << "\n got " << (parsed ? parsed->href() : why);
  }
}

void run_suite(const char* file, int at_least) {
  const auto text = rondo::test::read_data(file);
  if (!text) GTEST_SKIP() << "no test data: set RONDO_TEST_DATA";
  tally count;
  for (const json& c : json::parse(*text)) {
    if (c.is_object()) run_case(c, count);
  }
  std::printf("%s: %d run, %d passed, %d left out for IDNA, %d of other schemes\n", file, count.ran,
              count.passed, count.left_out, count.other_schemes);
  EXPECT_EQ(count.passed, count.ran);
  EXPECT_GE(count.ran, at_least);
}

TEST(Url, TheWebPlatformSuitePasses) { run_suite("url/urltestdata.json", 400); }
TEST(Url, AdasExtraCasesPass) { run_suite("url/ada_extra_urltestdata.json", 5); }

}  // namespace
