// The test server of `rondo serve`, asked without a socket.
#include "httpbin.hpp"

#include "http/in_memory.hpp"
#include "support/run_on.hpp"

#include <rondo/http.hpp>

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
