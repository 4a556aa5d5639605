#include "stage.hpp"

namespace guide::http_client {

[[maybe_unused]] static task<> get(std::string token) {
  // begin first
  http::client c(http::client_options()  // what all requests have in common
                     .base_url("https://api.example.org/v1/")
                     .bearer_auth(token)
                     .total_timeout(10s)
                     .policy(http::standard_policies()));

  http::response r = co_await c.get("users/7");  // the head is there, the body when asked for
  r.raise_for_status();
  std::string text = co_await r.text();
  // end first
}

[[maybe_unused]] static task<> guarded(std::string url) {
  // begin guard
  http::client c(http::client_options().guard(http::public_addresses_only()));
  // end guard
  co_await c.get(url);
}

namespace {

task<std::string> fetch(http::client& c, std::string url) {
  http::response r = co_await c.get(url);
  co_return co_await r.text();
}

task<int> many(http::client& c, std::vector<std::string> urls) {
  int right = 0;
  const auto use = [&](const std::string& text) { right += text == "here"; };
  // begin many
  std::vector<task<std::string>> work;
  for (const std::string& url : urls) work.push_back(fetch(c, url));
  for (outcome<std::string>& o : co_await gather(return_exceptions, std::move(work)))
    if (o.has_value()) use(o.value());
  // end many
  co_return right;
}

TEST(HttpClient, ManyAtOnceGiveTheirOutcomes) {
  simulated([]() -> task<> {
    http::server s;
    s.route("GET", "/{n}", [](http::server_request&) -> task<http::server_response> {
      co_return http::server_response::text("here");
    });
    co_await http::with_test_client(s, [](http::client& c) -> task<> {
      const int right = co_await many(c, {"http://test/1", "no url", "http://test/2"});
      EXPECT_EQ(right, 2);
    });
  });
}

}  // namespace
}  // namespace guide::http_client
