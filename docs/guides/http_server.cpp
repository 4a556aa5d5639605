#include "stage.hpp"

namespace guide::http_server {
namespace {

// begin first
task<http::server_response> hello(http::server_request& r) {
  co_return http::server_response::text("hello " + std::string(r.param("name")) + "\n");
}

task<> serve() {
  http::server s;
  s.route("GET", "/hello/{name}", hello);
  co_await s.serve(net::tcp_listener::bind(net::endpoint::parse("127.0.0.1:8080")));
}
// end first

// begin order
task<http::server_response> order(http::server_request& r) {
  const std::string page = r.query("page").value_or("1");
  if (const auto session = r.cookie("session")) use(*session);
  // 415 for another type, 413 beyond 1,000 fields or 1 MiB
  http::form_fields fields = co_await r.form();
  use(page, fields);
  co_return http::server_response::redirect("/orders/7", 303);
}
// end order

// begin upload
task<http::server_response> upload(http::server_request& r) {
  http::multipart_reader parts(r, {.parts = 10, .part_bytes = std::uint64_t{50} << 20});
  while (co_await parts.next()) {
    if (parts.filename()) {
      http::spooled_part file = co_await parts.spool();  // beyond 64 KiB on disk
      use(parts.name(), *parts.filename(), file.size());
    } else {
      use(parts.name(), co_await parts.text());  // at most 1 MiB
    }
  }
  co_return http::server_response(204);
}
// end upload

// begin numbers
task<http::server_response> numbers(http::server_request&) {
  auto pieces = http::make_body([n = 0]() mutable -> task<std::optional<std::string>> {
    if (n == 100) co_return std::nullopt;
    co_await sleep_for(100ms);
    co_return std::to_string(n++) + "\n";
  });
  co_return http::server_response::stream(std::move(pieces))
      .header("Content-Type", "text/plain")
      .flush_pieces();
}
// end numbers

// begin with_user
struct user {
  std::string name;
};

task<http::server_response> with_user(http::server_request& r, http::next& rest) {
  const auto name = r.headers().get("X-User");
  if (!name) co_return http::server_response::text("who are you?\n", 401);
  r.put(user{std::string(*name)});  // the handler: r.find<user>()->name
  http::server_response answer = co_await rest(r);
  answer.headers().remove("Server");
  co_return answer;
}
// end with_user

// begin app
task<> app(http::stop_handle stop) {  // one of these a loop
  http::server s(http::server_options().grace(30s));
  s.route("GET", "/hello/{name}", hello);
  s.route("GET", "/readyz", http::ready_page([stop] { return !stop.stopping(); }));
  const auto at = net::endpoint::parse("0.0.0.0:8080");
  co_await s.serve(net::tcp_listener::bind(at, net::listen_options().reuse_port(true)), stop);
}

int main() { return http::run_server(app); }
// end app

// begin test
task<> test() {
  http::server s;
  s.route("GET", "/hello/{name}", hello);
  co_await http::with_test_client(s, [](http::client& c) -> task<> {
    http::response r = co_await c.get("http://test/hello/ada");
    use(r.status() == 200, co_await r.text());
  });
}
// end test

task<> with_group(std::string token) {
  // begin group
  http::server s;
  http::route_group api = s.group("/api/{version}");
  api.use(http::bearer_auth("api", {token}));
  api.route("GET", "/users/{id}", hello);  // "/api/v1/users/7"
  // end group
  co_await http::with_test_client(s, [&](http::client& c) -> task<> {
    const auto refused = co_await c.get("http://test/api/v1/users/7");
    const auto right =
        co_await c.send(c.make("GET", "http://test/api/v1/users/7").bearer_auth(token));
    EXPECT_EQ(refused.status(), 401);
    EXPECT_EQ(right.status(), 200);
  });
}

task<> with_links(std::string token) {
  // begin links
  auto metrics = std::make_shared<http::server_metrics>();
  http::server s(http::server_options().max_body(1 << 20));
  s.use(http::measure(metrics))            // counts, see below
      .use(http::access_log())             // a line each
      .use(http::trace_requests())         // spans, traceparent: observability.md
      .use(http::request_id())             // X-Request-Id
      .use(http::rate_limit({100, 1min}))  // 429 with Retry-After, by address
      .use(http::compress())               // gzip; read its note on secrets (BREACH)
      .use(http::cors()                    // before authentication: preflights bring none
               .origin("https://app.example"))
      .use(http::error_pages([](http::server_request&, int status) {
        return http::server_response::html("<h1>Sorry</h1>\n", status);
      }))
      .use(http::time_limit(10s))  // 503
      .use(http::basic_auth("the archive", {{"ada", token}}));
  // end links
  s.route("GET", "/me", [](http::server_request&) -> task<http::server_response> {
    co_return http::server_response::text("ada");
  });
  co_await http::with_test_client(s, [&](http::client& c) -> task<> {
    const auto refused = co_await c.get("http://test/me");
    EXPECT_EQ(refused.status(), 401);
    http::response missing =
        co_await c.send(c.make("GET", "http://test/nothing").basic_auth("ada", token));
    EXPECT_EQ(co_await missing.text(), "<h1>Sorry</h1>\n");
    http::response right =
        co_await c.send(c.make("GET", "http://test/me").basic_auth("ada", token));
    EXPECT_EQ(co_await right.text(), "ada");
    EXPECT_TRUE(right.headers().contains("X-Request-Id"));
  });
}

task<> in_production() {
  // begin production
  auto metrics = std::make_shared<http::server_metrics>();
  http::server s;
  s.use(http::measure(metrics)).use(http::access_log([](const http::access_event& e) {
    log(http::access_line(e));
  }));
  // Prometheus' text, OpenTelemetry's names
  s.route("GET", "/metrics", http::metrics_page(metrics));
  s.route("GET", "/livez", http::alive_page());
  s.route("GET", "/readyz", http::ready_page([] { return true; }));
  // end production
  co_await http::with_test_client(s, [](http::client& c) -> task<> {
    for (const char* path : {"livez", "readyz", "metrics"}) {
      http::response r = co_await c.get("http://test/" + std::string(path));
      EXPECT_EQ(r.status(), 200) << path;
      co_await r.bytes();
    }
  });
}

TEST(HttpServer, TheFirstOneAnswers) {
  simulated([]() -> task<> {
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(serve());
      http::response r = co_await http::client().get("http://127.0.0.1:8080/hello/ada");
      EXPECT_EQ(co_await r.text(), "hello ada\n");
      g.cancel();
    });
  });
}

TEST(HttpServer, ItsHandlersReadFormsAndFilesAndSendPieces) {
  simulated([]() -> task<> {
    http::server s;
    s.use(with_user);
    s.route("POST", "/order", order);
    s.route("POST", "/upload", upload);
    s.route("GET", "/numbers", numbers);
    http::client_options as_ada;
    as_ada.base_url("http://test/").header("X-User", "ada").follow(0);
    const auto body = [](http::client& c) -> task<> {
      const auto ordered = co_await c.send(c.make("POST", "order").form({{"what", "tea"}}));
      EXPECT_EQ(ordered.status(), 303);
      const auto taken = co_await c.send(
          c.make("POST", "upload").multipart(http::multipart().field("why", "to see")));
      EXPECT_EQ(taken.status(), 204);
      http::response sent = co_await c.get("numbers");
      EXPECT_TRUE((co_await sent.text()).ends_with("98\n99\n"));
    };
    co_await http::with_test_client(s, body, as_ada);
  });
}

TEST(HttpServer, WhatItsPageShowsOfOthersRuns) {
  [[maybe_unused]] const auto program = http_server::main;
  simulated([] { return with_group("s3cret"); });
  simulated([] { return with_links("s3cret"); });
  simulated(in_production);
  simulated(http_server::test);
  simulated([]() -> task<> {
    http::stop_handle stop;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn(app(stop));
      http::response r = co_await http::client().get("http://127.0.0.1:8080/readyz");
      EXPECT_EQ(r.status(), 200);
      co_await r.bytes();
      stop.stop();
    });
  });
}

}  // namespace
}  // namespace guide::http_server
