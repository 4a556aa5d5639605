#include "stage.hpp"

// begin routes
task<http::server_response> user(http::server_request& r) {
  const std::string id(r.param("id"));
  if (id == "0") co_return http::server_response::text("nobody\n", 404);
  co_return http::server_response::json("{\"id\": " + id + "}");
}

void routes(http::server& s) {
  s.route("GET", "/users/{id}", user);
  s.route("POST", "/users", [](http::server_request& r) -> task<http::server_response> {
    const http::form_fields fields = co_await r.form();
    co_return http::server_response::text("welcome " + fields.at(0).second, 201);
  });
}
// end routes

// begin around_everything
task<http::server_response> timed(http::server_request& r, http::next& rest) {
  const auto begun = this_loop().now();
  http::server_response answer = co_await rest(r);
  const std::chrono::duration<double> took = this_loop().now() - begun;
  std::printf("%s: %d in %.1f s\n", std::string(r.path()).c_str(), answer.status(), took.count());
  co_return std::move(answer).header("X-Served-By", "rondo");
}

void around_everything(http::server& s) {
  s.use(timed).use(http::time_limit(1s));  // the first is the outermost
  s.route("GET", "/slow", [](http::server_request&) -> task<http::server_response> {
    co_await sleep_for(1h);
    co_return http::server_response::text("late");
  });
}
// end around_everything

// begin after_the_answer
task<> send_mail(std::string to) {
  co_await sleep_for(2s);
  std::printf("mail to %s sent at %.0f s\n", to.c_str(), elapsed());
}

task<http::server_response> sign_up(http::server_request& r) {
  const std::string to = co_await r.text();
  r.server().spawn(send_mail(to));  // the server's task: it goes on when this client has gone
  co_return http::server_response::text("see your mail", 202);
}
// end after_the_answer

// begin a_few_a_second
void a_few_a_second(http::server& s) {
  s.use(http::rate_limit(rate_limiter::options(2, 1s)));  // each client
  s.route("GET", "/", [](http::server_request&) -> task<http::server_response> {
    co_return http::server_response::text("hello");
  });
}
// end a_few_a_second

// begin a_stream_of_events
task<> clock_events(http::server_request& r, http::event_sink& out) {
  int n = 0;
  if (!r.last_event_id().empty()) n = std::stoi(std::string(r.last_event_id()));
  while (n < 3) {
    ++n;
    co_await out.send(http::event().id(std::to_string(n)).data("tick " + std::to_string(n)));
    co_await sleep_for(1s);
  }
}

void a_stream_of_events(http::server& s) { s.events("/clock", clock_events); }
// end a_stream_of_events

// begin chat
class room {
 public:
  task<> join(http::websocket& ws) {
    auto said = said_.subscribe(100, overflow::close);  // who does not read for so long is out
    co_await race(relay(said, ws), listen(ws));
  }

 private:
  task<> relay(subscription<std::string>& said, http::websocket& ws) {
    while (const auto text = co_await said.next()) co_await ws.send(*text);
  }
  task<> listen(http::websocket& ws) {
    while (const auto m = co_await ws.receive()) co_await said_.send(m->data);
  }
  broadcast<std::string> said_;
};
// end chat

// begin drain
task<> drain(http::server& s, net::tcp_listener at) {
  http::stop_handle stop;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&] { return s.serve(std::move(at), stop); });
    co_await sleep_for(1s);  // or: co_await next_signal({SIGTERM})
    stop.stop();             // no new requests; those that run are answered
    std::printf("asked to stop at %.0f s\n", elapsed());
  });
  std::printf("stopped at %.0f s\n", elapsed());
}
// end drain

namespace {

using http::client;

task<> shown(client& c, http::request r) {
  http::response a = co_await c.send(std::move(r));
  std::string text = co_await a.text();
  if (!text.empty() && text.back() == '\n') text.pop_back();
  std::printf(
      "%s %s: %d %s\n", std::string(a.url().path()).c_str(),
      a.headers().get("Content-Type") ? std::string(*a.headers().get("Content-Type")).c_str() : "",
      a.status(), text.c_str());
}

task<> ask_routes() {
  http::server s;
  routes(s);
  co_await cookbook::with_server(s, [](client& c) -> task<> {
    co_await shown(c, c.make("GET", "http://test/users/7"));
    co_await shown(c, c.make("GET", "http://test/users/0"));
    co_await shown(c, c.make("POST", "http://test/users").form({{"name", "Ada"}}));
  });
}
task<> ask_around() {
  http::server s;
  around_everything(s);
  co_await cookbook::with_server(
      s, [](client& c) -> task<> { co_await shown(c, c.make("GET", "http://test/slow")); });
}
task<> ask_after() {
  http::server s;
  s.route("POST", "/users", sign_up);
  auto at = net::tcp_listener::bind(net::endpoint::parse("127.0.0.1:80"));
  http::stop_handle stop;
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&] { return s.serve(std::move(at), stop); });
    client c;
    http::response r = co_await c.post("http://127.0.0.1/users", "ada@shop.test");
    std::printf("%d at %.0f s\n", r.status(), elapsed());
    stop.stop();
  });
}
task<> ask_often() {
  http::server s;
  a_few_a_second(s);
  co_await cookbook::with_server(s, [](client& c) -> task<> {
    for (int n = 0; n < 3; ++n) {
      http::response r = co_await c.get("http://test/");
      const auto later = r.headers().get("Retry-After");
      std::printf("%d%s%s\n", r.status(), later ? ", again in s: " : "",
                  later ? std::string(*later).c_str() : "");
    }
  });
}
task<> ask_clock() {
  http::server s;
  a_stream_of_events(s);
  co_await cookbook::with_server(s, [](client& c) -> task<> {
    auto events = c.events("http://test/clock", http::event_source_options().last_event_id("1"));
    for (int n = 0; n < 2; ++n) std::printf("%s\n", (co_await events.next()).value().data.c_str());
  });
}
task<> ask_chat() {
  http::server s;
  room r;
  s.websocket("/chat", [&r](http::websocket& ws) { return r.join(ws); });
  co_await cookbook::with_server(s, [](client& c) -> task<> {
    http::websocket ada = co_await c.websocket("ws://test/chat");
    http::websocket bob = co_await c.websocket("ws://test/chat");
    co_await wait_until_idle();
    co_await ada.send("hello all");
    std::printf("Ada hears: %s\n", (co_await ada.receive()).value().data.c_str());
    std::printf("Bob hears: %s\n", (co_await bob.receive()).value().data.c_str());
    co_await ada.close();
    co_await bob.close();
  });
}
task<> ask_draining() {
  http::server s;
  s.route("GET", "/report", [](http::server_request&) -> task<http::server_response> {
    co_await sleep_for(5s);
    co_return http::server_response::text("all is well");
  });
  auto at = net::tcp_listener::bind(net::endpoint::parse("127.0.0.1:80"));
  co_await gather(drain(s, std::move(at)), []() -> task<> {
    client c;
    http::response r = co_await c.get("http://127.0.0.1/report");
    std::printf("%s, at %.0f s\n", (co_await r.text()).c_str(), elapsed());
  });
}

const cookbook::recipe r50("routes", ask_routes);
const cookbook::recipe r51("around_everything", ask_around);
const cookbook::recipe r52("after_the_answer", ask_after);
const cookbook::recipe r53("a_few_a_second", ask_often);
const cookbook::recipe r54("a_stream_of_events", ask_clock);
const cookbook::recipe r55("chat", ask_chat);
const cookbook::recipe r56("drain", ask_draining);

}  // namespace
