#include "stage.hpp"

namespace guide::server_sent_events {
namespace {

std::vector<http::event> missed_since(std::string_view last) {
  if (last == "41") return {http::event().id("42").data("what was missed")};
  return {};
}

task<> ticks() {
  // begin ticks
  http::server s;
  s.events("/ticks", [](http::server_request&, http::event_sink& out) -> task<> {
    for (int n = 0;; ++n) {
      const std::string now = std::to_string(n);
      co_await out.send(http::event().id(now).type("tick").data("it is " + now));
      co_await sleep_for(1s);
    }
  });
  // end ticks
  co_await http::with_test_client(s, [](http::client& c) -> task<> {
    auto heard = c.events("http://test/ticks");
    co_await heard.next();
    const auto second = co_await heard.next();
    EXPECT_EQ(second->data, "it is 1");
  });
}

task<> of_a_job() {
  // begin job
  http::server s;
  s.route("GET", "/jobs/{id}", [](http::server_request& r) -> task<http::server_response> {
    if (r.param("id").empty()) co_return http::server_response(204);
    co_return http::server_response::events([&r](http::event_sink& out) -> task<> {
      co_await out.send(http::event().data("job " + std::string(r.param("id")) + " has begun"));
    });
  });
  // end job
  co_await http::with_test_client(s, [](http::client& c) -> task<> {
    auto heard = c.events("http://test/jobs/7");
    const auto first = co_await heard.next();
    EXPECT_EQ(first->data, "job 7 has begun");
  });
}

task<> for_everyone() {
  // begin everyone
  broadcast<http::event> news;
  http::server s;
  s.events("/news", [&news](http::server_request&, http::event_sink& out) -> task<> {
    auto mine = news.subscribe(16, overflow::close);
    while (auto e = co_await mine.next()) co_await out.send(*e);
  });
  co_await news.send(http::event().data("rain"));  // elsewhere
  // end everyone
  co_await http::with_test_client(s, [&](http::client& c) -> task<> {
    auto heard = c.events("http://test/news");
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        co_await wait_until_idle();
        co_await news.send(http::event().data("sun"));
      });
      const auto first = co_await heard.next();
      EXPECT_EQ(first->data, "sun");
    });
  });
}

// begin tell
task<> tell(broadcast<http::event>& news, http::server_request& r, http::event_sink& out) {
  auto mine = news.subscribe(16, overflow::close);
  for (const http::event& e : missed_since(r.last_event_id())) co_await out.send(e);
  while (auto e = co_await mine.next()) co_await out.send(*e);
}
// end tell

[[maybe_unused]] task<> heard() {
  // begin heard
  http::client c;
  auto news = c.events("https://example.org/news");
  while (auto e = co_await news.next()) use(e->type, e->data, e->id);
  // end heard
}

task<> resumed(http::client c, std::string url, std::string token) {
  // begin resumed
  auto options = http::event_source_options()
                     .last_event_id("41")  // where we were when we last ran
                     .silence(45s)         // three of the server's comments missed: it is lost
                     .max_failures(10);
  auto ask = [&] { return c.make("GET", url).bearer_auth(token); };
  http::event_source source(c, ask, options);
  auto first = co_await source.next();
  // end resumed
  EXPECT_EQ(first->data, "what was missed");
}

void behind_a_proxy() {
  // begin proxy
  http::server s(http::server_options().trust(
      http::trusted_proxies().from("10.0.0.0/8").told_by(http::forwarding::x_forwarded_for)));
  // end proxy
}

TEST(ServerSentEvents, AreHeard) {
  simulated(ticks);
  simulated(of_a_job);
  simulated(for_everyone);
  behind_a_proxy();
}

TEST(ServerSentEvents, WhatWasMissedIsSentFirst) {
  simulated([]() -> task<> {
    broadcast<http::event> news;
    http::server s;
    s.events("/news",
             [&](http::server_request& r, http::event_sink& out) { return tell(news, r, out); });
    co_await http::with_test_client(
        s, [](http::client& c) { return resumed(c, "http://test/news", "s3cret"); });
  });
}

}  // namespace
}  // namespace guide::server_sent_events
