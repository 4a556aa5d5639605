// The test server of `rondo serve`, asked without a socket.
#include "httpbin.hpp"

#include "http/in_memory.hpp"
#include "support/child_process.hpp"
#include "support/run_on.hpp"

#include <rondo/http.hpp>
#include <rondo/http/client/digest.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;

namespace httpbin_test {
namespace {

// Runs body(client) beside the test server, in virtual time.
template <class Body>
void beside_httpbin(Body body) {
  simulate([&]() -> task<> {
    http::server s;
    tools::add_httpbin_routes(s);
    co_await http::with_test_client(s, body, http::client_options().base_url("http://bin.test/"));
  });
}

task<nlohmann::json> json_of(http::response r) {
  EXPECT_EQ(r.status(), 200) << r.url().href();
  co_return nlohmann::json::parse(co_await r.text());
}

task<int> status_of(http::client& c, const char* method, const char* path) {
  http::response r = co_await c.send(c.make(method, path).follow(0));
  co_return r.status();
}

}  // namespace

TEST(Httpbin, TellsWhatItWasAsked) {
  beside_httpbin([](http::client& c) -> task<> {
    const auto get = co_await json_of(co_await c.get("get?a=1&a=2&b=x%20y"));
    EXPECT_EQ(get["args"]["a"], nlohmann::json({"1", "2"}));
    EXPECT_EQ(get["args"]["b"], "x y");
    EXPECT_EQ(get["url"], "http://bin.test/get?a=1&a=2&b=x%20y");
    EXPECT_EQ(get["headers"]["Host"], "bin.test");
    const auto put =
        co_await json_of(co_await c.send(c.make("PUT", "put").json("{\"x\": [1, 2]}")));
    EXPECT_EQ(put["json"]["x"][1], 2);
    EXPECT_EQ(put["data"], "{\"x\": [1, 2]}");
    const auto form =
        co_await json_of(co_await c.send(c.make("POST", "post").form({{"a", "1"}, {"b", "2"}})));
    EXPECT_EQ(form["form"]["b"], "2");
    EXPECT_EQ(form["json"], nullptr);
    http::multipart m;
    m.field("title", "x").file("f", "a.txt", "content");
    const auto parts = co_await json_of(
        co_await c.send(c.make("PATCH", "anything/below/it").multipart(std::move(m))));
    EXPECT_EQ(parts["files"]["f"], "content");
    EXPECT_EQ(parts["form"]["title"], "x");
    EXPECT_EQ(parts["method"], "PATCH");
    const auto agent =
        co_await json_of(co_await c.send(c.make("GET", "user-agent").header("User-Agent", "me")));
    EXPECT_EQ(agent["user-agent"], "me");
    EXPECT_TRUE((co_await json_of(co_await c.get("ip"))).contains("origin"));
  });
}

TEST(Httpbin, AnswersWithWhatItIsTold) {
  beside_httpbin([](http::client& c) -> task<> {
    for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"})
      EXPECT_EQ(co_await status_of(c, method, "status/418"), 418) << method;
    EXPECT_EQ(co_await status_of(c, "GET", "status/999"), 400);
    EXPECT_EQ(co_await status_of(c, "GET", "redirect-to?url=/get&status_code=307"), 307);
    EXPECT_EQ(co_await status_of(c, "GET", "redirect-to?url=/get&status_code=304"), 400);
    for (const char* path : {"redirect/3", "relative-redirect/3", "absolute-redirect/3"}) {
      http::response r = co_await c.get(path);
      EXPECT_EQ(r.history().size(), 3U) << path;
      EXPECT_EQ(r.url().path(), "/get") << path;
    }
    http::response fields = co_await c.get("response-headers?X-A=1&X-A=2&Content-Length=999");
    EXPECT_EQ(fields.headers().get_all("X-A"), (std::vector<std::string_view>{"1", "2"}));
    EXPECT_EQ(co_await status_of(c, "GET", "response-headers?bad%20name=1"), 400);
    http::response cached = co_await c.get("cache/60");
    EXPECT_EQ(cached.headers().get("Cache-Control"), "public, max-age=60");
  });
}

TEST(Httpbin, GivesBodiesOfEveryKind) {
  beside_httpbin([](http::client& c) -> task<> {
    EXPECT_EQ((co_await get_text(c, "http://a/bytes/100000")).size(), 100'000U);
    EXPECT_EQ((co_await get_text(c, "http://a/stream-bytes/100000")).size(), 100'000U);
    EXPECT_EQ(count_of(co_await get_text(c, "http://a/stream/7"), "\n"), 7U);
    EXPECT_EQ(co_await get_text(c, "http://a/base64/SGVsbG8_"), "Hello?");
    EXPECT_EQ(co_await get_text(c, "http://a/base64/SGk="), "Hi");
    EXPECT_EQ(co_await status_of(c, "GET", "base64/!"), 400);
    for (const char* path : {"json", "html", "xml", "robots.txt", "deny", "encoding/utf8"})
      EXPECT_EQ(co_await status_of(c, "GET", path), 200) << path;
    if (!http::compress::is_built_in) co_return;
    EXPECT_EQ((co_await json_of(co_await c.get("gzip")))["gzipped"], true);
    EXPECT_EQ((co_await json_of(co_await c.get("deflate")))["deflated"], true);
  });
}

TEST(Httpbin, AnswersConditionsAndRanges) {
  beside_httpbin([](http::client& c) -> task<> {
    const auto asked = [&](const char* path, const char* field, const char* value) {
      return c.send(c.make("GET", path).header(field, value));
    };
    http::response known = co_await asked("etag/a-1", "If-None-Match", "\"x\", \"a-1\"");
    EXPECT_EQ(known.status(), 304);
    EXPECT_EQ(known.headers().get("ETag"), "\"a-1\"");
    http::response unknown = co_await asked("etag/a-1", "If-None-Match", "\"x\"");
    EXPECT_EQ((co_await json_of(std::move(unknown)))["url"], "http://bin.test/etag/a-1");
    EXPECT_EQ((co_await asked("etag/a-1", "If-Match", "\"x\"")).status(), 412);
    EXPECT_EQ((co_await asked("cache", "If-None-Match", "\"any\"")).status(), 304);
    http::response fresh = co_await c.get("cache");
    EXPECT_TRUE(fresh.headers().contains("ETag") && fresh.headers().contains("Last-Modified"));

    http::response whole = co_await c.get("range/300000");
    EXPECT_EQ(whole.status(), 200);
    EXPECT_EQ(whole.headers().get("ETag"), "\"range300000\"");
    const std::string all = co_await whole.text();
    EXPECT_EQ(all.size(), 300'000U);
    for (const auto& [range, first, size] :
         {std::tuple("bytes=0-0", 0U, 1U), std::tuple("bytes=70001-270000", 70'001U, 200'000U),
          std::tuple("bytes=-5", 299'995U, 5U), std::tuple("bytes=299999-", 299'999U, 1U)}) {
      http::response part = co_await asked("range/300000", "Range", range);
      EXPECT_EQ(part.status(), 206) << range;
      EXPECT_EQ(
          part.headers().get("Content-Range"),
          "bytes " + std::to_string(first) + "-" + std::to_string(first + size - 1) + "/300000");
      EXPECT_TRUE(co_await part.text() == all.substr(first, size)) << range;
    }
    http::response beyond = co_await asked("range/300000", "Range", "bytes=300000-");
    EXPECT_EQ(beyond.status(), 416);
    EXPECT_EQ(beyond.headers().get("Content-Range"), "bytes */300000");
    http::response several = co_await asked("range/300000", "Range", "bytes=0-1,5-6");
    EXPECT_EQ((co_await several.text()).size(), 300'000U);
    EXPECT_EQ(co_await status_of(c, "GET", "range/x"), 400);
  });
}

TEST(Httpbin, TakesItsTime) {
  beside_httpbin([](http::client& c) -> task<> {
    const auto begun = this_loop().now();
    EXPECT_EQ(co_await status_of(c, "GET", "delay/2.5"), 200);
    EXPECT_EQ(this_loop().now() - begun, 2500ms);
    EXPECT_EQ(co_await get_text(c, "http://a/drip?duration=2&numbytes=4&delay=1"), "****");
    EXPECT_EQ(this_loop().now() - begun, 5500ms);
    EXPECT_EQ(co_await status_of(c, "GET", "drip?numbytes=0"), 400);
    EXPECT_EQ(co_await status_of(c, "GET", "delay/61"), 400);
  });
}

TEST(Httpbin, AsksWhoAsks) {
  beside_httpbin([](http::client& c) -> task<> {
    const auto with = [&](const char* path, const char* user, const char* password) {
      return c.send(c.make("GET", path).basic_auth(user, password));
    };
    EXPECT_EQ((co_await with("basic-auth/ada/secret", "ada", "secret")).status(), 200);
    EXPECT_EQ((co_await with("basic-auth/ada/secret", "ada", "other")).status(), 401);
    EXPECT_EQ(co_await status_of(c, "GET", "basic-auth/ada/secret"), 401);
    EXPECT_EQ(co_await status_of(c, "GET", "hidden-basic-auth/ada/secret"), 404);
    EXPECT_EQ(co_await status_of(c, "GET", "bearer"), 401);
    const auto token =
        co_await json_of(co_await c.send(c.make("GET", "bearer").bearer_auth("abc")));
    EXPECT_EQ(token["token"], "abc");
  });
}

TEST(Httpbin, AsksWhoAsksByDigest) {
  if (!features().tls) GTEST_SKIP() << "built without OpenSSL";
  beside_httpbin([](http::client& c) -> task<> {
    const auto with = [&](std::string path, const char* user,
                          const char* password) -> task<http::response> {
      co_await sleep_for(1ms);  // for another nonce
      co_return co_await c.send(c.make("GET", path).digest_auth(user, password));
    };
    for (const char* path : {"digest-auth/auth/ada/secret", "digest-auth/auth/ada/secret/MD5",
                             "digest-auth/auth/ada/secret/SHA-256", "digest-auth/both/ada/secret",
                             "digest-auth/auth/ada/secret/SHA-256/never?require-cookie=1"}) {
      EXPECT_EQ((co_await with(path, "ada", "other")).status(), 401) << path;
      EXPECT_EQ((co_await with(path, "bea", "secret")).status(), 401) << path;
      const auto known = co_await json_of(co_await with(path, "ada", "secret"));
      EXPECT_EQ(known, nlohmann::json({{"authenticated", true}, {"user", "ada"}})) << path;
    }
    EXPECT_EQ(co_await status_of(c, "GET", "digest-auth/auth/ada/secret"), 401);
    EXPECT_EQ(co_await status_of(c, "GET", "digest-auth/auth/ada/secret/SHA-512"), 400);
  });
}

// RFC 7616, section 3.9.1, but for the path and what follows from it, by hand.
TEST(Httpbin, ChecksWhatADigestIsMadeOf) {
  if (!features().tls) GTEST_SKIP() << "built without OpenSSL";
  beside_httpbin([](http::client& c) -> task<> {
    using http::detail::digest_hash;
    const std::string path = "/digest-auth/auth-int/Mufasa/Circle%20of%20Life/SHA-256";
    const auto answer = [&](std::string target, const std::string& body, const char* qop) {
      const std::string a1 = digest_hash(true, "Mufasa:me@rondo.example:Circle of Life");
      const std::string a2 = digest_hash(true, "GET:" + target + ":" + digest_hash(true, body));
      const std::string response =
          digest_hash(true, a1 + ":abc:00000001:xyz:" + std::string(qop) + ":" + a2);
      return c.send(c.make("GET", path)
                        .header("Authorization",
                                "Digest username=\"Mufasa\", realm=\"me@rondo.example\", uri=\"" +
                                    target + "\", algorithm=SHA-256, nonce=\"abc\", nc=00000001, " +
                                    "cnonce=\"xyz\", qop=" + qop + ", response=\"" + response +
                                    '"'));
    };
    EXPECT_EQ((co_await answer(path, "", "auth-int")).status(), 200);
    EXPECT_EQ((co_await answer(path, "another", "auth-int")).status(), 401);
    EXPECT_EQ((co_await answer(path + "?x", "", "auth-int")).status(), 401);
    EXPECT_EQ((co_await answer(path, "", "auth")).status(), 401);
  });
}

TEST(Httpbin, TellsWhenADigestsNonceIsTooOld) {
  if (!features().tls) GTEST_SKIP() << "built without OpenSSL";
  beside_httpbin([](http::client& c) -> task<> {
    const std::string path = "digest-auth/auth/ada/secret/MD5/2";
    for (int i = 0; i < 5; ++i) {
      co_await sleep_for(1ms);  // for another nonce
      http::response r = co_await c.send(c.make("GET", path).digest_auth("ada", "secret"));
      EXPECT_EQ(r.status(), 200) << i;
    }
    // Without an answer: two are taken from the challenge on, and the third is too old.
    EXPECT_EQ(co_await status_of(c, "GET", path.c_str()), 401);
    const auto answered = [&](const std::string& nonce) {
      using http::detail::digest_hash;
      const std::string a1 = digest_hash(false, "ada:me@rondo.example:secret");
      const std::string a2 = digest_hash(false, "GET:/" + path);
      const std::string response = digest_hash(false, a1 + ":" + nonce + ":1:x:auth:" + a2);
      return c.send(
          c.make("GET", path)
              .header("Authorization", "Digest username=ada, realm=\"me@rondo.example\", uri=\"/" +
                                           path + "\", nonce=" + nonce +
                                           ", nc=1, cnonce=x, qop=auth, response=" + response));
    };
    EXPECT_EQ((co_await answered("n")).status(), 200);
    EXPECT_EQ((co_await answered("n")).status(), 200);
    http::response old = co_await answered("n");
    EXPECT_EQ(old.status(), 401);
    EXPECT_NE(old.headers().get("WWW-Authenticate")->find("stale=true"), std::string_view::npos);
    http::response again = co_await answered("n");  // the nonce that was too old
    EXPECT_EQ(again.status(), 401);
    EXPECT_EQ((co_await answered("m")).status(), 200);
  });
}

// With the counts and nonces of another hand.
TEST(Httpbin, CurlAnswersItsDigests) {
  const std::string curl = find_program("curl");
  if (curl.empty()) GTEST_SKIP() << "curl is not installed";
  if (!features().tls) GTEST_SKIP() << "built without OpenSSL";
  run_on(reactor_kind::epoll, [&]() -> task<> {
    http::server s;
    tools::add_httpbin_routes(s);
    co_await with_server(s, [&](std::string origin, endpoint) -> task<> {
      for (const char* path :
           {"/digest-auth/auth/ada/secret", "/digest-auth/auth/ada/secret/SHA-256",
            "/digest-auth/both/ada/secret/MD5/never?require-cookie=1"}) {
        const auto asked_as = [&](const char* who) {
          return to_thread(run_command, std::vector<std::string>{
                                            curl, "--silent", "--digest", "--user", who, "--cookie",
                                            "", "--write-out", "%{http_code}", origin + path});
        };
        EXPECT_EQ((co_await asked_as("ada:secret")).output,
                  "{\"authenticated\": true, \"user\": \"ada\"}\n200")
            << path;
        EXPECT_EQ((co_await asked_as("ada:other")).output, "401") << path;
      }
    });
  });
}

TEST(Httpbin, HasPictures) {
  beside_httpbin([](http::client& c) -> task<> {
    struct kind {
      const char* path;
      const char* type;
      std::string begin;
    };
    for (const kind& k :
         {kind{"image/png", "image/png", "\x89PNG\r\n\x1a\n"},
          kind{"image/jpeg", "image/jpeg", "\xff\xd8\xff"},
          kind{"image/webp", "image/webp", "RIFF"}, kind{"image/svg", "image/svg+xml", "<svg "}}) {
      http::response by_path = co_await c.get(k.path);
      EXPECT_EQ(by_path.headers().get("Content-Type"), k.type);
      const std::string text = co_await by_path.text();
      EXPECT_TRUE(text.starts_with(k.begin)) << k.path;
      http::response by_accept = co_await c.send(c.make("GET", "image").header("Accept", k.type));
      EXPECT_EQ(by_accept.headers().get("Content-Type"), k.type);
      EXPECT_EQ(by_accept.headers().get("Vary"), "Accept");
      EXPECT_TRUE(co_await by_accept.text() == text) << k.path;
    }
    http::response none = co_await c.send(c.make("GET", "image").header("Accept", "text/html"));
    EXPECT_EQ(none.status(), 406);
  });
}

TEST(Httpbin, HasPagesThatLeadToOthers) {
  beside_httpbin([](http::client& c) -> task<> {
    http::response first = co_await c.get("links/3");
    EXPECT_EQ(first.url().path(), "/links/3/0");
    EXPECT_EQ(count_of(co_await first.text(), "<a href=\"/links/3/"), 2U);
    EXPECT_EQ(co_await status_of(c, "GET", "links/201"), 400);
    const std::string index = co_await get_text(c, "http://a/");
    int pages = 0;
    for (std::size_t at = 0; (at = index.find("href=\"", at)) != std::string::npos; ++pages) {
      at += 6;
      const std::string path = index.substr(at + 1, index.find('"', at) - at - 1);
      EXPECT_NE(co_await status_of(c, "GET", path.c_str()), 404) << path;
    }
    EXPECT_GT(pages, 20);
    EXPECT_EQ(count_of(co_await get_text(c, "http://a/forms/post"), "name=\"custname\""), 1U);
    const auto one = co_await json_of(co_await c.get("uuid"));
    co_await sleep_for(1ms);
    const auto two = co_await json_of(co_await c.get("uuid"));
    EXPECT_EQ(one["uuid"].get<std::string>().size(), 36U);
    EXPECT_EQ(one["uuid"].get<std::string>().at(14), '4');
    EXPECT_NE(one, two);
  });
}

TEST(Httpbin, AnswersWithOneOfSeveralStatuses) {
  beside_httpbin([](http::client& c) -> task<> {
    int teapots = 0;
    for (int i = 0; i < 100; ++i) {
      co_await sleep_for(1ms);  // of which the simulation makes what is random
      const int got = co_await status_of(c, "GET", "status/200:3,418");
      EXPECT_TRUE(got == 200 || got == 418) << got;
      teapots += got == 418;
    }
    EXPECT_GT(teapots, 0);
    EXPECT_LT(teapots, 100);
    for (const char* path : {"status/200,x", "status/200:-1", "status/,", "status/200:"})
      EXPECT_EQ(co_await status_of(c, "GET", path), 400) << path;
    for (int i = 0; i < 10; ++i) EXPECT_EQ(co_await status_of(c, "GET", "status/500:0,204"), 204);
  });
}

TEST(Httpbin, CodesInBrotli) {
  if (!features().brotli) GTEST_SKIP() << "built without brotli";
  beside_httpbin([](http::client& c) -> task<> {
    EXPECT_EQ((co_await json_of(co_await c.get("brotli")))["brotli"], true);
    // More than one meta-block holds.
    const std::string x(3000, 'x');
    http::request r = c.make("GET", "brotli?a=" + x);
    for (int i = 0; i < 8; ++i) r.header("Y" + std::to_string(i), std::string(7500, 'y'));
    const auto long_one = co_await json_of(co_await c.send(std::move(r)));
    EXPECT_EQ(long_one["args"]["a"], x);
    EXPECT_EQ(long_one["headers"]["Y7"], std::string(7500, 'y'));
  });
}

TEST(Httpbin, KeepsCookiesAtTheClient) {
  beside_httpbin([](http::client& c) -> task<> {
    co_await c.get("cookies/set?a=1&b=2");
    const auto kept = co_await json_of(co_await c.get("cookies/set/c/3"));
    EXPECT_EQ(kept["cookies"], nlohmann::json({{"a", "1"}, {"b", "2"}, {"c", "3"}}));
    const auto left = co_await json_of(co_await c.get("cookies/delete?a&c"));
    EXPECT_EQ(left["cookies"], nlohmann::json({{"b", "2"}}));
    EXPECT_EQ(co_await status_of(c, "GET", "cookies/set?bad%20name=1"), 400);
  });
}

}  // namespace httpbin_test
