// The middleware that comes with the server: what each does, and what hostile clients make of it.
#include "http/in_memory.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_request;
using http::server_response;

namespace http_ready_links_cases {
namespace {

task<server_response> hello(server_request&) { co_return server_response::text("hello"); }

task<server_response> fail(server_request&) {
  throw std::domain_error("broken");
  co_return server_response();
}

// What a server with this link around these routes answers.
template <class Link>
task<std::string> through(Link link, std::string bytes) {
  http::server s;
  s.use(std::move(link)).route("GET", "/", hello).route("POST", "/", hello);
  s.route("GET", "/large", [](server_request&) -> task<server_response> {
    co_return server_response::text(std::string(10'000, 'x'));
  });
  s.route("POST", "/echo", [](server_request& r) -> task<server_response> {
    co_return server_response::text(co_await r.text());
  });
  s.route("GET", "/slow", [](server_request&) -> task<server_response> {
    co_await sleep_for(1h);
    co_return server_response();
  });
  co_return co_await answer_to(s, std::move(bytes));
}

std::string field(const std::string& answer, const std::string& name) {
  const std::size_t at = answer.find("\r\n" + name + ": ");
  if (at == std::string::npos) return "";
  const std::size_t begin = at + name.size() + 4;
  return answer.substr(begin, answer.find("\r\n", begin) - begin);
}

// Runs with a place for what nobody awaits, and returns how much there was.
int reports_of(reactor_kind reactor, task<> (*body)()) {
  int n = 0;
  run_as(run_options().reactor(reactor).on_unhandled([&](const std::exception_ptr&) { ++n; }),
         body);
  return n;
}

}  // namespace

// --- access log

EVERY_VERSION(AccessLog, TellsEachRequestOnce) {
  std::vector<std::string> lines;
  int made = 0;
  http::server s;
  s.use(http::access_log([&](const http::access_event& e) {
    lines.push_back(std::string(e.method) + ' ' + std::string(e.target) + ' ' +
                    std::string(e.route) + ' ' + std::to_string(e.status) + ' ' +
                    std::to_string(e.body_bytes) + (e.complete ? " whole" : " cut"));
  }));
  s.route("GET", "/u/{id}", hello);
  s.route("GET", "/stream", [&](server_request&) -> task<server_response> {
    made = 0;
    co_return server_response::stream(counted_body("12345", 3, made));
  });
  co_await answer_to(s, request_text("GET /u/7?x") + request_text("HEAD /u/7") +
                            request_text("GET /none") + request_text("GET /stream") +
                            request_text("HEAD /stream"));
  EXPECT_EQ(lines, (std::vector<std::string>{
                       "GET /u/7?x /u/{id} 200 5 whole", "HEAD /u/7 /u/{id} 200 0 whole",
                       "GET /none  404 13 whole", "GET /stream /stream 200 15 whole",
                       "HEAD /stream /stream 200 0 whole"}));
}

EVERY_VERSION_RUNS(AccessLog, KnowsTheStatusOfWhatIsThrown) {
  const int reports = reports_of(reactor, []() -> task<> {
    std::vector<int> seen;
    http::server s(http::server_options().max_body(3));
    s.use(http::access_log([&](const http::access_event& e) { seen.push_back(e.status); }));
    s.route("GET", "/", fail);
    s.route("POST", "/", [](server_request& r) -> task<server_response> {
      co_return server_response::text(co_await r.text());
    });
    s.route("GET", "/upstream", [](server_request&) -> task<server_response> {
      throw http::timeout_error(http::phase::total);
      co_return server_response();
    });
    co_await answer_to(s, request_text("GET /") + request_text("GET /upstream") +
                              request_text("POST /", "", "1234"));
    EXPECT_EQ(seen, (std::vector<int>{500, 504, 413}));
  });
  EXPECT_EQ(reports, 2) << "what the client did wrong is not reported";
}

CONFORMANCE(AccessLog, ACancelledRequestHasItsLine) {
  std::vector<int> seen;
  bool complete = true;
  http::server s;
  event entered;
  s.use(http::access_log([&](const http::access_event& e) {
    seen.push_back(e.status);
    complete = e.complete;
  }));
  s.route("GET", "/", [&](server_request&) -> task<server_response> {
    entered.set();
    co_await sleep_for(1h);
    co_return server_response();
  });
  auto [here, there] = net::make_memory_streams();
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn(s.serve_stream(net::any_stream(std::move(there))));
    co_await here.write_all(net::bytes_of(request_text("GET /")));
    co_await entered.wait();
    g.cancel();
  });
  EXPECT_EQ(seen, std::vector<int>{499});
  EXPECT_FALSE(complete);
}

CONFORMANCE(AccessLog, NoClientWritesALineOfItsOwn) {
  http::access_event e;
  e.at = std::chrono::sys_seconds(784111777s);
  e.duration = 1200us;
  e.client = net::endpoint::parse("192.0.2.1:99");
  e.method = "GET";
  e.target = "/a\"b\\c\x1b[2J\xff";
  e.status = 404;
  e.body_bytes = 5;
  e.user_agent = "x\r\n192.0.2.9 - - forged";
  e.route = "/{x}";
  EXPECT_EQ(http::access_line(e),
            "192.0.2.1 - - [06/Nov/1994:08:49:37 +0000] \"GET /a\\x22b\\x5Cc\\x1B[2J\\xFF "
            "HTTP/1.1\" 404 5 \"-\" \"x\\x0D\\x0A192.0.2.9 - - forged\" 0.001200 /{x}");
  co_return;
}

EVERY_VERSION_RUNS(AccessLog, ASinkThatThrowsHoldsUpNobody) {
  EXPECT_EQ(reports_of(reactor,
                       []() -> task<> {
                         const std::string got =
                             co_await through(http::access_log([](const http::access_event&) {
                                                throw std::runtime_error("the disk is full");
                                              }),
                                              request_text("GET /"));
                         EXPECT_EQ(body_part(got), "hello");
                       }),
            1);
}

// --- compress

EVERY_VERSION(Compress, CompressesWhatIsWorthItForWhoTakesIt) {
  if (!http::compress::is_built_in) co_return;
  const std::string gzip = "Accept-Encoding: gzip\r\n";
  const std::string got = co_await through(http::compress(), request_text("GET /large", gzip));
  EXPECT_EQ(field(got, "Content-Encoding"), "gzip");
  EXPECT_EQ(field(got, "Vary"), "Accept-Encoding");
  EXPECT_EQ(field(got, "Content-Length"), std::to_string(body_part(got).size()));
  EXPECT_LT(body_part(got).size(), 200U);
  const std::pair<const char*, const char*> plain[] = {
      {"GET /large", ""},
      {"GET /large", "Accept-Encoding: br\r\n"},
      {"GET /large", "Accept-Encoding: gzip;q=0\r\n"},
      {"GET /large", "Accept-Encoding: gzip;q=0.5, identity\r\n"},
      {"GET /large", "Accept-Encoding: *;q=0\r\n"},
      {"GET /", "Accept-Encoding: gzip\r\n"},  // too small
  };
  for (const auto& [line, fields] : plain) {
    const std::string answer = co_await through(http::compress(), request_text(line, fields));
    EXPECT_EQ(field(answer, "Content-Encoding"), "") << line << fields;
    EXPECT_EQ(field(answer, "Vary"), "Accept-Encoding") << "a cache must know: " << fields;
  }
  for (const char* fields : {"Accept-Encoding: *\r\n", "Accept-Encoding: br, x-GZIP;q=0.1\r\n"})
    EXPECT_EQ(field(co_await through(http::compress(), request_text("GET /large", fields)),
                    "Content-Encoding"),
              "gzip")
        << fields;
}

EVERY_VERSION(Compress, WhatItGivesIsWhatTheHandlerGave) {
  if (!http::compress::is_built_in) co_return;
  std::string text;
  for (int i = 0; i < 40'000; ++i) text += std::to_string(i * 7919) + ' ';
  int made = 0;
  http::server s;
  s.use(http::compress().level(1));
  s.route("GET", "/whole", [&](server_request&) -> task<server_response> {
    co_return server_response::text(text).header("ETag", "\"v1\"");
  });
  s.route("GET", "/stream", [&](server_request&) -> task<server_response> {
    made = 0;
    co_return server_response::stream(counted_body(text, 3, made))
        .header("Content-Type", "application/json");
  });
  co_await http::with_test_client(
      s,
      [&](http::client& c) -> task<> {
        http::response r = co_await c.get("http://a/whole");
        EXPECT_EQ(r.headers().get("Content-Encoding"), "gzip");
        EXPECT_EQ(r.headers().get("ETag"), "W/\"v1\"");
        EXPECT_EQ(co_await r.text(), text);
        EXPECT_EQ(co_await get_text(c, "http://a/stream"), text + text + text);
        http::response head = co_await c.head("http://a/whole");
        EXPECT_EQ(head.headers().get("Content-Encoding"), "gzip");
      },
      spoken());
}

EVERY_VERSION(Compress, LeavesAloneWhatItShould) {
  if (!http::compress::is_built_in) co_return;
  http::server s;
  s.use(http::compress());
  const std::string large(5000, 'x');
  const auto answers = [&](const char* path, server_response (*make)(const std::string&)) {
    s.route("GET", path,
            [&large, make](server_request&) -> task<server_response> { co_return make(large); });
  };
  answers("/image", [](const std::string& x) {
    return server_response::bytes(x).header("Content-Type", "image/png");
  });
  answers("/coded", [](const std::string& x) {
    return server_response::text(x).header("Content-Encoding", "br");
  });
  answers("/secret", [](const std::string& x) {
    return server_response::text(x).header("Cache-Control", "private, no-transform");
  });
  answers("/part", [](const std::string& x) { return server_response::text(x, 206); });
  answers("/events", [](const std::string& x) {
    return server_response::text(x).header("Content-Type", "text/event-stream; charset=utf-8");
  });
  for (const char* path : {"/image", "/coded", "/secret", "/part", "/events"}) {
    const std::string got = co_await answer_to(
        s, request_text("GET " + std::string(path), "Accept-Encoding: gzip\r\n"));
    EXPECT_NE(field(got, "Content-Encoding"), "gzip") << path;
    EXPECT_EQ(body_part(got), large) << path;
  }
}

// uvicorn#451's kin: who asks that each piece be with the client gets it decoded piece by piece.
EVERY_VERSION(Compress, FlushesThePiecesOfWhoAsks) {
  if (!http::compress::is_built_in) co_return;
  event go_on;
  http::server s;
  s.use(http::compress());
  s.route("GET", "/", [&](server_request&) -> task<server_response> {
    co_return server_response::stream(
        http::make_body([&, n = 0]() mutable -> task<std::optional<std::string>> {
          if (n++ == 0) co_return "first";
          co_await go_on.wait();
          co_return std::nullopt;
        }))
        .header("Content-Type", "text/plain")
        .flush_pieces();
  });
  co_await http::with_test_client(
      s,
      [&](http::client& c) -> task<> {
        http::response r = co_await c.get("http://a/");
        std::string got;
        while (got.size() < 5) {
          const auto piece = co_await r.next_chunk();
          if (piece.empty()) break;
          got.append(reinterpret_cast<const char*>(piece.data()), piece.size());
        }
        EXPECT_EQ(got, "first");
        go_on.set();
        EXPECT_EQ(co_await r.text(), "");
      },
      spoken());
}

// --- CORS

EVERY_VERSION(Cors, AnAllowedPageMayRead) {
  const auto link = [] {
    return http::cors().origin("https://app.example").credentials().expose("X-Total");
  };
  const std::string got =
      co_await through(link(), request_text("GET /", "Origin: https://app.example\r\n"));
  EXPECT_EQ(field(got, "Access-Control-Allow-Origin"), "https://app.example");
  EXPECT_EQ(field(got, "Access-Control-Allow-Credentials"), "true");
  EXPECT_EQ(field(got, "Access-Control-Expose-Headers"), "X-Total");
  EXPECT_EQ(field(got, "Vary"), "Origin");
  for (const char* fields :
       {"Origin: https://evil.example\r\n", "Origin: https://app.example.evil.test\r\n",
        "Origin: https://app.examplE\r\n", "Origin: http://app.example\r\n", "Origin: null\r\n",
        "Origin: https://app.example\r\nOrigin: https://evil.test\r\n", ""}) {
    const std::string other = co_await through(link(), request_text("GET /", fields));
    EXPECT_EQ(status_of(other), "200");
    EXPECT_FALSE(has(other, "Access-Control")) << fields;
    EXPECT_EQ(field(other, "Vary"), "Origin") << "a cache must not give it to the allowed page";
  }
  const std::string any =
      co_await through(http::cors().any_origin(), request_text("GET /", "Origin: https://x\r\n"));
  EXPECT_EQ(field(any, "Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(field(any, "Vary"), "");
}

EVERY_VERSION(Cors, APreflightIsAnsweredBeforeTheRoutes) {
  const std::string asks =
      "Origin: https://a.example\r\nAccess-Control-Request-Method: PUT\r\n"
      "Access-Control-Request-Headers: x-one, x-two\r\n";
  const std::string got = co_await through(http::cors().origin("https://a.example"),
                                           request_text("OPTIONS /none", asks));
  EXPECT_EQ(status_of(got), "204");
  EXPECT_EQ(field(got, "Access-Control-Allow-Methods"), "PUT");
  EXPECT_EQ(field(got, "Access-Control-Allow-Headers"), "x-one, x-two");
  EXPECT_EQ(field(got, "Access-Control-Max-Age"), "600");
  const std::string said = co_await through(
      http::cors().origin("https://a.example").method("PUT").method("PATCH").request_field("X-A"),
      request_text("OPTIONS /", asks));
  EXPECT_EQ(field(said, "Access-Control-Allow-Methods"), "PUT, PATCH");
  EXPECT_EQ(field(said, "Access-Control-Allow-Headers"), "X-A");
  const std::string no =
      co_await through(http::cors().origin("https://b.example"), request_text("OPTIONS /", asks));
  EXPECT_FALSE(has(no, "Access-Control")) << no;
  EXPECT_EQ(field(no, "Allow"), "GET, HEAD, POST, OPTIONS");
}

CONFORMANCE(Cors, RefusesWhatNoBrowserSendsAndWhatWouldLetEverybodyIn) {
  for (const char* text : {"app.example", "https://app.example/", "HTTPS://app.example",
                           "https://app.example:443", "*", ""})
    EXPECT_THROW(http::cors().origin(text), std::invalid_argument) << text;
  EXPECT_THROW(http::cors().any_origin().credentials(), std::invalid_argument);
  EXPECT_THROW(http::cors().credentials().any_origin(), std::invalid_argument);
  EXPECT_THROW(http::cors().expose("a b"), std::invalid_argument);
  co_return;
}

// --- request id

EVERY_VERSION(RequestId, NamesEachRequestAndFollowsItsTrace) {
  const auto tell = [](server_request& r, http::next&) -> task<server_response> {
    const auto* trace = r.find<http::trace_context>();
    co_return server_response::text(r.find<http::request_id_value>()->text + ' ' + trace->trace_id +
                                    ' ' + trace->parent_id + ' ' + trace->traceparent());
  };
  const std::string trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
  const std::string parent = "00-" + trace_id + "-00f067aa0ba902b7-01";
  http::server s;
  s.use(http::request_id()).use(tell).route("GET", "/", hello);
  const std::string got = co_await answer_to(
      s, request_text("GET /", "traceparent: " + parent + "\r\nX-Request-Id: mine\r\n"));
  const std::string id = field(got, "X-Request-Id");
  EXPECT_EQ(id.size(), 32U);
  EXPECT_TRUE(body_part(got).starts_with(id + ' ' + trace_id + " 00f067aa0ba902b7 00-" + trace_id))
      << got;
  EXPECT_TRUE(got.ends_with("-01"));
  EXPECT_FALSE(got.ends_with(parent)) << "this server's part has an id of its own";
  co_await sleep_for(1ms);  // in the simulation what is random goes by the time
  const std::string fresh = co_await answer_to(s, request_text("GET /", "traceparent: 00-x\r\n"));
  EXPECT_TRUE(fresh.ends_with("-00"));
  EXPECT_NE(field(fresh, "X-Request-Id"), id);

  const std::pair<std::string, bool> given[] = {{"abc-1_2.=", true},
                                                {std::string(128, 'x'), true},
                                                {std::string(129, 'x'), false},
                                                {"a b", false},
                                                {"a\"b", false},
                                                {"", false}};
  for (const auto& [name, taken] : given)
    EXPECT_EQ(field(co_await through(http::request_id().accept_from_client(),
                                     request_text("GET /", "X-Request-Id: " + name + "\r\n")),
                    "X-Request-Id") == name,
              taken)
        << name;
}

// --- authentication

EVERY_VERSION(ServerAuth, LetsInWhoKnowsTheSecret) {
  const auto link = [] {
    return http::basic_auth("the \"archive\"", {{"ada", "a:b"}, {"bob", ""}});
  };
  const std::pair<const char*, const char*> cases[] = {
      {"Basic YWRhOmE6Yg==", "200"},                               // ada:a:b
      {"basic  YWRhOmE6Yg== ", "200"}, {"Basic Ym9iOg==", "200"},  // bob:
      {"Basic YWRhOmE=", "401"},                                   // ada:a
      {"Basic YWRhOg==", "401"},                                   // ada:
      {"Basic Om9iOg==", "401"},                                   // :ob:
      {"Basic YWRh", "401"},                                       // ada
      {"Basic YWRhOmE6Yg", "401"},                                 // no padding
      {"Basic YWRhOmE6Yh==", "401"},                               // bits behind the end
      {"Basic !!!!", "401"},           {"Basic", "401"},
      {"Bearer YWRhOmE6Yg==", "401"},  {"", "401"},
  };
  for (const auto& [value, status] : cases) {
    const std::string got = co_await through(
        link(), request_text("GET /", "Authorization: " + std::string(value) + "\r\n"));
    EXPECT_EQ(status_of(got), status) << value;
    if (std::string_view(status) == "401") {
      EXPECT_EQ(field(got, "WWW-Authenticate"),
                "Basic realm=\"the \\\"archive\\\"\", charset=\"UTF-8\"");
    }
  }
  const std::string twice = "Authorization: Basic YWRhOmE6Yg==\r\n";
  EXPECT_EQ(status_of(co_await through(link(), request_text("GET /", twice + twice))), "401");
  EXPECT_THROW(http::basic_auth("a\nb", http::credential_list{}), std::invalid_argument);
}

EVERY_VERSION(ServerAuth, ABearersTokenIsCheckedByWhoKnows) {
  const auto ask = [](std::string_view token) -> task<bool> {
    co_await yield_now();
    co_return token == "let-me-in";
  };
  const auto with = [](const char* value) {
    return request_text("GET /", "Authorization: " + std::string(value) + "\r\n");
  };
  EXPECT_EQ(status_of(co_await through(http::bearer_auth("api", ask), with("Bearer let-me-in"))),
            "200");
  const std::string wrong = co_await through(http::bearer_auth("api", ask), with("Bearer no"));
  EXPECT_EQ(field(wrong, "WWW-Authenticate"), "Bearer realm=\"api\", error=\"invalid_token\"");
  const std::string none =
      co_await through(http::bearer_auth("api", {"one", "two"}), request_text("GET /"));
  EXPECT_EQ(field(none, "WWW-Authenticate"), "Bearer realm=\"api\"");
  for (const auto& [token, status] : std::initializer_list<std::pair<const char*, const char*>>{
           {"Bearer two", "200"}, {"Bearer tw", "401"}, {"Bearer ", "401"}})
    EXPECT_EQ(status_of(co_await through(http::bearer_auth("api", {"one", "two"}), with(token))),
              status)
        << token;
}

CONFORMANCE(ServerAuth, ComparesAllOfIt) {
  EXPECT_TRUE(http::equal_in_constant_time("", ""));
  EXPECT_TRUE(http::equal_in_constant_time("secret", "secret"));
  for (const char* given : {"", "secre", "secrets", "Secret", "secreT", "secretsecret"})
    EXPECT_FALSE(http::equal_in_constant_time("secret", given)) << given;
  EXPECT_FALSE(http::equal_in_constant_time("", "x"));
  EXPECT_FALSE(http::equal_in_constant_time("", std::string_view("\0", 1)));
  co_return;
}

// --- limits

CONFORMANCE(RequestLimits, ABodyBeyondTheLimitIsNotAskedFor) {
  const std::string said =
      co_await through(http::body_limit(10),
                       "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                       "Content-Length: 11\r\n\r\n");
  EXPECT_EQ(status_of(said), "413");
  EXPECT_FALSE(has(said, "100 Continue"));
  EXPECT_TRUE(has(said, "Connection: close"));
  // Nor passed over where the handler does not read it.
  EXPECT_EQ(
      status_of(co_await through(http::body_limit(10), request_text("POST /", "", "0123456789x"))),
      "413");
  EXPECT_EQ(status_of(co_await through(http::body_limit(10),
                                       request_text("POST /echo", "", "0123456789"))),
            "200");
  EXPECT_EQ(status_of(co_await through(
                http::body_limit(10), request_text("POST /echo", "Transfer-Encoding: chunked\r\n") +
                                          "b\r\n0123456789x\r\n0\r\n\r\n")),
            "413");
}

EVERY_VERSION(RequestLimits, AHandlerThatTakesTooLongIsCancelled) {
  const std::string got =
      co_await through(http::time_limit(5ms), request_text("GET /slow") + request_text("GET /"));
  EXPECT_EQ(status_of(got), "503");
  EXPECT_TRUE(got.ends_with("hello")) << "the connection goes on: " << got;
}

EVERY_VERSION(RateLimit, WhatComesTooSoonIsToldWhenToComeAgain) {
  const std::string got =
      co_await through(http::rate_limit({2, 10s}),
                       request_text("GET /") + request_text("GET /") + request_text("GET /"));
  EXPECT_EQ(count_of(got, "HTTP/1.1 200 OK"), 2U);
  EXPECT_EQ(count_of(got, "HTTP/1.1 429 "), 1U);
  EXPECT_EQ(field(got, "Retry-After"), "5");
}

EVERY_VERSION(RateLimit, EachClientHasItsOwn) {
  const auto by_user = [](server_request& r) {
    return std::string(r.headers().get("X-User").value_or(""));
  };
  std::string bytes;
  for (const char* user : {"a", "b", "a", "c", "d", "e"})
    bytes += request_text("GET /", "X-User: " + std::string(user) + "\r\n");
  const std::string got =
      co_await through(http::rate_limit({1, 10s}, 2).key(by_user), std::move(bytes));
  std::string statuses;
  for (std::size_t at = got.find("HTTP/1.1 "); at != std::string::npos;
       at = got.find("HTTP/1.1 ", at + 9))
    statuses += got.substr(at + 9, 3) + ' ';
  EXPECT_EQ(statuses, "200 200 429 200 429 429 ") << "c, d and e share what is left";
}

CONFORMANCE(RateLimit, OneCustomerOfIPv6IsOneClient) {
  const auto key = [](const char* text) {
    return http::detail::address_key(net::endpoint::parse(text));
  };
  EXPECT_EQ(key("[2001:db8:1:2::1]:80"), key("[2001:db8:1:2:ffff::9]:81"));
  EXPECT_NE(key("[2001:db8:1:2::1]:80"), key("[2001:db8:1:3::1]:80"));
  EXPECT_EQ(key("192.0.2.1:1"), key("192.0.2.1:2"));
  EXPECT_NE(key("192.0.2.1:1"), key("192.0.2.2:1"));
  EXPECT_EQ(key("[::ffff:192.0.2.1]:1"), key("192.0.2.1:1")) << "as a socket of both tells it";
  co_return;
}

// --- errors

EVERY_VERSION_RUNS(ErrorPages, StandForWhatIsThrownAndForWhatNoRouteAnswers) {
  const int reports = reports_of(reactor, []() -> task<> {
    http::server s(http::server_options().max_body(3));
    s.use(http::error_pages([](server_request& r, int status) {
      return server_response::html("page " + std::to_string(status) + ' ' + std::string(r.path()),
                                   status);
    }));
    s.route("GET", "/", fail);
    s.route("GET", "/own", [](server_request&) -> task<server_response> {
      co_return server_response::text("own", 404);
    });
    s.route("POST", "/", [](server_request& r) -> task<server_response> {
      co_return server_response::text(co_await r.text());
    });
    EXPECT_EQ(body_part(co_await answer_to(s, request_text("GET /"))), "page 500 /");
    EXPECT_EQ(body_part(co_await answer_to(s, request_text("GET /none"))), "page 404 /none");
    EXPECT_EQ(body_part(co_await answer_to(s, request_text("GET /own"))), "own");
    const std::string not_there = co_await answer_to(s, request_text("PUT /own"));
    EXPECT_EQ(body_part(not_there), "page 405 /own");
    EXPECT_EQ(field(not_there, "Allow"), "GET, HEAD, OPTIONS");
    const std::string large = co_await answer_to(s, request_text("POST /", "", "1234"));
    EXPECT_EQ(body_part(large), "page 413 /");
    EXPECT_EQ(field(large, "Connection"), speaks_http2() ? "" : "close");
  });
  EXPECT_EQ(reports, 1) << "a failure of ours is told as ever, the client's is not";
}

// --- operations

EVERY_VERSION(ServerMetrics, CountByMethodRouteAndStatus) {
  const auto metrics = std::make_shared<http::server_metrics>();
  metrics->gauge("rondo_things", "Things \\ there\nare.", [] { return 2.5; });
  EXPECT_THROW(metrics->gauge("rondo_things", "", [] { return 1; }), std::invalid_argument);
  EXPECT_THROW(metrics->gauge("no name", "", [] { return 1; }), std::invalid_argument);
  http::server s;
  s.use(http::measure(metrics)).route("GET", "/u/{id}", hello);
  s.route("GET", "/metrics", http::metrics_page(metrics));
  std::string bytes;
  for (int i = 0; i < 3; ++i) bytes += request_text("GET /u/" + std::to_string(i));
  bytes += request_text("BREW /u/1") + request_text("GET /metrics");
  const std::string got = co_await answer_to(s, bytes);
  for (const char* line : {
           "# TYPE http_server_request_duration_seconds histogram\n",
           "http_server_request_duration_seconds_count{http_request_method=\"GET\",http_route=\"/u/"
           "{id}\",http_response_status_code=\"200\"} 3\n",
           "http_server_request_duration_seconds_bucket{http_request_method=\"_OTHER\",http_route="
           "\"\",http_response_status_code=\"501\",le=\"+Inf\"} 1\n",
           "http_server_response_body_size_bytes_sum{http_request_method=\"GET\",http_route=\"/u/"
           "{id}\",http_response_status_code=\"200\"} 15\n",
           "http_server_active_requests{http_request_method=\"GET\"} 1\n",
           "http_server_active_requests{http_request_method=\"_OTHER\"} 0\n",
           "# HELP rondo_things Things \\\\ there\\nare.\n# TYPE rondo_things gauge\nrondo_things "
           "2.5\n",
       })
    EXPECT_TRUE(has(got, line)) << line << "\n" << got;
  EXPECT_TRUE(has(got, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
}

CONFORMANCE(ServerMetrics, WhoAsksAtRandomMakesNoSeries) {
  http::server_metrics metrics;
  for (int i = 0; i < 3000; ++i) metrics.count("M" + std::to_string(i), "", 404, 1ms, 0);
  EXPECT_EQ(count_of(metrics.text(), "_seconds_count{"), 1U) << "they are one method";
  for (int i = 0; i < 3000; ++i) metrics.count("GET", "/" + std::to_string(i), 200, 1ms, 0);
  EXPECT_EQ(count_of(metrics.text(), "_seconds_count{"), 1001U);
  EXPECT_TRUE(has(metrics.text(), "http_response_status_code=\"other\"} 2001\n"));
  EXPECT_TRUE(has(metrics.text(), "http_server_series_dropped_total 2001\n"));
  co_return;
}

EVERY_VERSION(Health, TellsWhetherItIsReady) {
  bool ready = true;
  http::server s;
  s.route("GET", "/livez", http::alive_page());
  s.route("GET", "/readyz", http::ready_page([&] { return ready; }));
  EXPECT_EQ(status_of(co_await answer_to(s, request_text("GET /livez"))), "200");
  EXPECT_EQ(status_of(co_await answer_to(s, request_text("GET /readyz"))), "200");
  ready = false;
  EXPECT_EQ(status_of(co_await answer_to(s, request_text("GET /readyz"))), "503");
}

}  // namespace http_ready_links_cases
