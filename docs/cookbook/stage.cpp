#include "stage.hpp"

namespace cookbook {
namespace {

std::vector<const recipe*>& known() {
  static std::vector<const recipe*> k;
  return k;
}

using http::event;
using http::event_sink;
using http::server_request;
using http::server_response;

task<server_response> item(server_request& r) {
  const int n = std::stoi(std::string(r.param("n")));
  co_await sleep_for(n * 100ms);
  co_return server_response::text("item " + std::to_string(n));
}

task<server_response> slow(server_request&) {
  co_await sleep_for(1min);
  co_return server_response::text("at last");
}

task<server_response> order(server_request& r) {
  co_return server_response::text("order of " + co_await r.text(), 201);
}

task<server_response> upload(server_request& r) {
  std::size_t n = 0;
  for (auto piece = co_await r.next_chunk(); !piece.empty(); piece = co_await r.next_chunk())
    n += piece.size();
  co_return server_response::text(std::to_string(n) + " bytes");
}

task<server_response> big(server_request&) {
  auto give = [left = 10]() mutable -> task<std::optional<std::string>> {
    if (left-- == 0) co_return std::nullopt;
    co_return std::string(10'000, 'x');
  };
  co_return server_response::stream(http::make_body(give));
}

task<server_response> me(server_request& r) {
  const auto given = r.headers().get("Authorization");
  if (!given || *given != "Bearer s3cret") co_return server_response(401);
  co_return server_response::json(R"({"name": "Ada"})");
}

task<> prices(server_request&, event_sink& out) {
  for (int n = 1; n <= 3; ++n) {
    co_await out.send(event().id(std::to_string(n)).data(std::to_string(99 + n)));
    co_await sleep_for(1s);
  }
}

task<> echo(http::websocket& ws) {
  while (const auto m = co_await ws.receive()) co_await ws.send(*m);
}

}  // namespace

recipe::recipe(const char* name_, task<> (*make_)(), place where_)
    : name(name_), make(make_), where(where_) {
  known().push_back(this);
}

recipe::recipe(const char* name_, void (*plain_)()) : name(name_), plain(plain_) {
  known().push_back(this);
}

const std::vector<const recipe*>& all() { return known(); }

task<> with_shop(task<> (*body)()) {
  http::server s;
  int refused = 0;
  s.route("GET", "/items/{n}", item);
  s.route("GET", "/slow", slow);
  s.route("GET", "/flaky", [&refused](server_request&) -> task<server_response> {
    if (refused++ < 2) co_return server_response(503);
    co_return server_response::text("at last");
  });
  s.route("POST", "/orders", order);
  s.route("PUT", "/upload", upload);
  s.route("GET", "/big", big);
  s.route("GET", "/me", me);
  s.events("/prices", prices);
  s.websocket("/echo", echo);
  auto listener = net::tcp_listener::bind(net::endpoint::parse("10.0.0.1:80"));
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&] { return s.serve(std::move(listener)); });
    co_await body();
    g.cancel();
  });
}

}  // namespace cookbook
