// Links around handlers: their order, what they see, and what happens in them when something goes
// wrong.
#include "http/in_memory.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::next;
using http::server_request;
using http::server_response;

namespace http_middleware_cases {
namespace {

task<server_response> hello(server_request&) { co_return server_response::text("hello"); }

// Writes its name on the way in and on the way out.
auto marks(std::string& trace, std::string name) {
  return [&trace, name = std::move(name)](server_request& r, next& rest) -> task<server_response> {
    trace += name + '(';
    server_response answer = co_await rest(r);
    trace += ')' + name;
    co_return answer;
  };
}

const std::string get = request_text("GET /");

}  // namespace

EVERY_VERSION(Middleware, LinksStandAroundTheHandlerInTheOrderOfUse) {
  std::string trace;
  http::server s;
  s.use(marks(trace, "a")).use(marks(trace, "b"));
  s.route("GET", "/", hello);
  EXPECT_EQ(body_part(co_await answer_to(s, get)), "hello");
  EXPECT_EQ(trace, "a(b()b)a");
}

EVERY_VERSION(Middleware, ALinkMayAnswerByItselfAndMayChangeTheAnswer) {
  http::server s;
  s.use([](server_request& r, next& rest) -> task<server_response> {
    if (r.path() == "/closed") co_return server_response::text("no", 403);
    co_return (co_await rest(r)).header("X-Seen", "yes");
  });
  s.route("GET", "/", hello).route("GET", "/closed", hello);
  const std::string got = co_await answer_to(s, request_text("GET /closed") + get);
  EXPECT_EQ(status_of(got), "403");
  EXPECT_TRUE(has(got, "\r\nX-Seen: yes\r\n") && got.ends_with("hello")) << got;
}

EVERY_VERSION(Middleware, AGroupHasAPrefixAndLinksOfItsOwn) {
  std::string trace;
  http::server s;
  s.use(marks(trace, "all"));
  http::route_group api = s.group("/api/{version}");
  api.route("GET", "/users/{id}", [](server_request& r) -> task<server_response> {
    co_return server_response::text(std::string(r.route()) + ' ' + std::string(r.param("version")) +
                                    ' ' + std::string(r.param("id")));
  });
  api.use(marks(trace, "api"));  // also around what was there before
  http::route_group inner = api.group("/admin");
  inner.use(marks(trace, "admin")).route("GET", "", hello);
  s.route("GET", "/", hello);
  EXPECT_EQ(body_part(co_await answer_to(s, request_text("GET /api/v1/users/7"))),
            "/api/{version}/users/{id} v1 7");
  EXPECT_EQ(std::exchange(trace, {}), "all(api()api)all");
  EXPECT_EQ(body_part(co_await answer_to(s, request_text("GET /api/v1/admin"))), "hello");
  EXPECT_EQ(std::exchange(trace, {}), "all(api(admin()admin)api)all");
  EXPECT_EQ(body_part(co_await answer_to(s, get)), "hello");
  EXPECT_EQ(trace, "all()all");
}

EVERY_VERSION(Middleware, LinksSeeWhatNoRouteAnswers) {
  std::string trace;
  http::server s;
  s.use([&](server_request& r, next& rest) -> task<server_response> {
    server_response answer = co_await rest(r);
    trace += r.method() + ' ' + r.target() + ' ' + std::to_string(answer.status()) + ';';
    co_return answer;
  });
  http::route_group api = s.group("/api");
  api.use([&](server_request& r, next& rest) -> task<server_response> {
    trace += "api ";
    co_return co_await rest(r);
  });
  api.route("GET", "/x", hello);
  co_await answer_to(s, request_text("GET /none") + request_text("PUT /api/x") +
                            request_text("OPTIONS /api/x") + request_text("BREW /api/x") +
                            request_text("OPTIONS *") + request_text("GET /api/none"));
  EXPECT_EQ(trace,
            "GET /none 404;api PUT /api/x 405;api OPTIONS /api/x 204;api BREW /api/x 501;OPTIONS * "
            "204;GET /api/none 404;");
}

EVERY_VERSION(Middleware, OptionsAndOtherMethodsTellWhatThePathHas) {
  http::server s;
  s.route("GET", "/x", hello).route("PUT", "/x", hello).route("POST", "/{any}", hello);
  for (const char* line : {"OPTIONS /x", "DELETE /x"}) {
    const std::string got = co_await answer_to(s, request_text(line));
    EXPECT_TRUE(has(got, "\r\nAllow: GET, HEAD, PUT, POST, OPTIONS\r\n")) << got;
  }
  EXPECT_TRUE(has(co_await answer_to(s, request_text("GET /y")), "\r\nAllow: POST, OPTIONS\r\n"));
}

EVERY_VERSION(Middleware, AHandlersExceptionGoesThroughTheLinks) {
  std::string seen;
  http::server s;
  s.use([&](server_request& r, next& rest) -> task<server_response> {
    bool failed = false;
    try {
      co_return co_await rest(r);
    } catch (const std::domain_error& e) {
      seen = e.what();
      failed = r.status_for(std::current_exception()) == 500;
    }
    co_return server_response::text(failed ? "mended" : "?");
  });
  s.route("GET", "/", [](server_request&) -> task<server_response> {
    throw std::domain_error("broken");
    co_return server_response();
  });
  EXPECT_EQ(body_part(co_await answer_to(s, get)), "mended");
  EXPECT_EQ(seen, "broken");
}

// starlette#1018: nothing is queued between links, so a body that nobody takes is not made.
CONFORMANCE(Middleware, ABodyBehindLinksIsMadeOnlyAsItIsTaken) {
  constexpr int pieces = 1000;
  int made = 0;
  http::server s;
  for (int i = 0; i < 3; ++i)
    s.use([](server_request& r, next& rest) -> task<server_response> {
      server_response answer = co_await rest(r);
      answer.wrap_body([](std::unique_ptr<http::body_source> inner) {
        return http::make_body([inner = std::move(inner)]() mutable { return inner->next(); });
      });
      co_return answer;
    });
  s.route("GET", "/", [&](server_request&) -> task<server_response> {
    co_return server_response::stream(counted_body(std::string(16 * 1024, 'x'), pieces, made));
  });
  auto [here, there] = net::make_memory_streams(64 * 1024);
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn(s.serve_stream(net::any_stream(std::move(there))));
    co_await here.write_all(net::bytes_of(get));
    std::vector<std::byte> one(1);
    co_await here.read_some(one);
    for (int i = 0; i < 100; ++i) co_await yield_now();
    EXPECT_LE(made, 6) << "more than the stream between holds";
    g.cancel();
  });
}

EVERY_VERSION(Middleware, ALinkMayPutAnotherBodyInThePlaceOfEvents) {
  bool begun = false;
  http::server s;
  s.use([](server_request& r, next& rest) -> task<server_response> {
    server_response answer = co_await rest(r);
    if (r.path() == "/replaced") answer.replace_body("nothing new");
    if (r.path() == "/taken") (void)answer.take_body();
    co_return answer;
  });
  for (const char* path : {"/replaced", "/taken"})
    s.events(path, [&](server_request&, http::event_sink&) -> task<> {
      begun = true;
      co_return;
    });
  const std::string got =
      co_await answer_to(s, request_text("GET /replaced") + request_text("GET /taken"));
  EXPECT_TRUE(has(got, "\r\n\r\nnothing newHTTP/1.1 200 OK\r\n")) << got;
  EXPECT_FALSE(begun);
}

EVERY_VERSION(Middleware, RoutesAndLinksAreThereBeforeServing) {
  http::server s;
  s.route("GET", "/", hello);
  http::route_group g = s.group("/g");
  co_await answer_to(s, get);
  EXPECT_THROW(s.route("GET", "/late", hello), std::logic_error);
  EXPECT_THROW(s.use([](server_request& r, next& rest) { return rest(r); }), std::logic_error);
  EXPECT_THROW(s.group("/late"), std::logic_error);
  EXPECT_THROW(g.route("GET", "/late", hello), std::logic_error);
}

CONFORMANCE(Middleware, AGroupsPrefixIsAPath) {
  http::server s;
  for (const char* prefix : {"", "api", "/api/", "/"})
    EXPECT_THROW(s.group(prefix), std::invalid_argument) << prefix;
  EXPECT_THROW(s.group("/a").route("GET", "/{x", hello), std::invalid_argument);
  EXPECT_THROW(s.group("/{x}").route("GET", "/{x}", hello), std::invalid_argument);
  co_return;
}

EVERY_VERSION(Middleware, APathThatLacksItsSlashIsRedirectedWhenThatWasAsked) {
  http::server s;
  s.redirect_slashes().route("GET", "/a/", hello).route("POST", "/b", hello);
  s.route("GET", "/static/{rest...}", hello).route("GET", "/{x}/{y}/", hello);
  const std::pair<const char*, const char*> cases[] = {
      {"GET /a", "/a/"},      {"GET /a?x=1&y", "/a/?x=1&y"}, {"GET http://a/a", "/a/"},
      {"POST /b/?q", "/b?q"}, {"GET /static", "/static/"},   {"HEAD /a", "/a/"},
  };
  for (const auto& [line, to] : cases) {
    const std::string got = co_await answer_to(s, request_text(line));
    EXPECT_EQ(status_of(got), "308") << line;
    EXPECT_TRUE(has(got, "\r\nLocation: " + std::string(to) + "\r\n")) << got;
  }
  // Browsers take "//evil.test/" for another site.
  for (const char* line :
       {"GET //evil.test", "GET /\\evil.test/x", "PUT /a", "GET /none/", "GET /b"})
    EXPECT_NE(status_of(co_await answer_to(s, request_text(line))), "308") << line;
  http::server plain;
  plain.route("GET", "/a/", hello);
  EXPECT_EQ(status_of(co_await answer_to(plain, request_text("GET /a"))), "404");
}

EVERY_VERSION(Middleware, LinksLeaveValuesForTheHandler) {
  struct user {
    std::string name;
  };
  http::server s;
  s.use([](server_request& r, next& rest) -> task<server_response> {
    EXPECT_EQ(r.find<user>(), nullptr);
    r.put(user{"ada"});
    r.put(user{"grace"});
    r.put(7);
    co_return co_await rest(r);
  });
  s.route("GET", "/", [](server_request& r) -> task<server_response> {
    co_return server_response::text(r.find<user>()->name + std::to_string(*r.find<int>()));
  });
  const std::string got = co_await answer_to(s, get + get);
  EXPECT_EQ(count_of(got, "grace7"), 2U) << got;
}

EVERY_VERSION_RUNS(Middleware, CancelledAtEveryWaitALinkIsTakenDown) {
  struct counted {
    explicit counted(int& n) : n_(n) { ++n_; }
    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;
    ~counted() { --n_; }
    int& n_;
  };
  int inside = 0;
  const auto scenario = [&]() -> task<> {
    http::server s;
    s.use([&](server_request& r, next& rest) -> task<server_response> {
      const counted here(inside);
      co_await yield_now();
      server_response answer = co_await rest(r);
      co_await yield_now();
      co_return answer;
    });
    s.route("POST", "/", [](server_request& r) -> task<server_response> {
      co_await sleep_for(1ms);
      co_return server_response::text(co_await r.text());
    });
    const std::string got = co_await answer_to(s, request_text("POST /", "", "body"));
    EXPECT_TRUE(got.ends_with("body")) << got;
  };
  if (reactor != reactor_kind::simulated) return;  // one is enough: nothing here asks the kernel
  const auto n = cancel_at_every_wait(reactor, scenario, [&] { EXPECT_EQ(inside, 0); });
  EXPECT_GE(n.at_rest, 4U);
}

}  // namespace http_middleware_cases
