// The server against peers that write exact bytes.
#include "http/http_support.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_options;
using http::server_request;
using http::server_response;

namespace {

task<server_response> hello(server_request&) { co_return server_response::text("hello"); }
task<server_response> echo(server_request& r) {
  co_return server_response::text(co_await r.text());
}

void add_routes(http::server& s) {
  s.route("GET", "/", hello);
  s.route("POST", "/echo", echo);
  s.route("POST", "/ignore", hello);  // leaves the body alone
  s.route("PUT", "/", hello);
}

// The exchange with a server of these options and routes.
task<std::string> served(server_options options, std::string bytes) {
  http::server server(std::move(options));
  add_routes(server);
  std::string got;
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    got = co_await exchange_bytes(here, bytes);
  });
  co_return got;
}
task<std::string> served(std::string bytes) { return served(server_options(), std::move(bytes)); }

const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

std::string post(const std::string& target, const std::string& body) {
  return "POST " + target +
         " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

}  // namespace

EVERY_VERSION(Server, AnswersARequest) {
  const std::string got = co_await served(get);
  EXPECT_EQ(first_line(got), "HTTP/1.1 200 OK");
  EXPECT_TRUE(got.ends_with("\r\n\r\nhello")) << got;
  EXPECT_NE(got.find("\r\nContent-Length: 5\r\n"), std::string::npos) << got;
  EXPECT_NE(got.find("\r\nDate: "), std::string::npos) << got;
  EXPECT_NE(got.find("\r\nContent-Type: text/plain; charset=utf-8\r\n"), std::string::npos) << got;
  EXPECT_EQ(got.find("\r\nConnection: keep-alive\r\n") == std::string::npos, speaks_http2()) << got;
}

EVERY_VERSION(Server, AnswersPipelinedRequestsInOrder) {
  std::string bytes;
  for (int i = 0; i < 100; ++i) bytes += post("/echo", "number " + std::to_string(i) + ";") + get;
  const std::string got = co_await served(bytes);
  EXPECT_EQ(count_of(got, "HTTP/1.1 200 OK"), 200U);
  std::size_t at = 0;
  for (int i = 0; i < 100; ++i) {
    at = got.find("number " + std::to_string(i) + ";", at);
    EXPECT_NE(at, std::string::npos) << i;
    if (at == std::string::npos) break;
  }
}

CONFORMANCE(Server, TakesARequestByteByByte) {
  http::server server;
  add_routes(server);
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    tcp_stream s = co_await tcp_stream::connect(here);
    std::string got;
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> { got = co_await read_text(s); });
      const std::string bytes =
          "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
          "chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n" +
          get;
      for (const char c : bytes) {
        co_await write_text(s, std::string_view(&c, 1));
        co_await yield_now();
      }
      co_await s.shutdown_write();
    });
    EXPECT_EQ(count_of(got, "HTTP/1.1 200 OK"), 2U) << got;
    EXPECT_EQ(count_of(got, "\r\n\r\nhello"), 2U) << got;
  });
}

CONFORMANCE(Server, RefusesWithTheStatusThatSaysWhy) {
  const auto with_fields = [](int n) {
    std::string s = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (int i = 1; i < n; ++i) s += "X: y\r\n";
    return s + "\r\n";
  };
  const auto with_target = [](std::size_t size) {
    return "GET /" + std::string(size - 1, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n";
  };
  const auto with_line = [](std::size_t size) {  // "X: " and the value
    return "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(size - 3, 'x') + "\r\n\r\n";
  };
  const std::pair<std::string, int> cases[] = {
      {"GET /none HTTP/1.1\r\nHost: a\r\n\r\n", 404},
      {"DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", 405},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400},
      {"GET / HTTP/1.1\nHost: a\n\n", 400},
      {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"get / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
      {"nonsense\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: a" + std::string(1, '\0') + "b\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: "
       "chunked\r\n\r\n0\r\n\r\n",
       400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf", 400},
      {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
      {with_target(8192), 404},
      {with_target(8193), 414},
      {with_fields(128), 200},
      {with_fields(129), 431},
      {with_line(8192), 200},
      {with_line(8193), 431},
      {"GET / HTTP/1.1\r\nHost: a\r\n" + std::string(70'000, 'x'), 431},
      {post("/echo", std::string(100, 'x')), 200},
      {post("/echo", std::string(101, 'x')), 413},
  };
  http::server server(server_options().max_body(100));
  add_routes(server);
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    for (const auto& [bytes, status] : cases) {
      const std::string got = co_await exchange_bytes(here, bytes);
      EXPECT_TRUE(got.starts_with("HTTP/1.1 " + std::to_string(status) + " "))
          << bytes.substr(0, 100) << "\n"
          << first_line(got);
      if (status == 400 || status == 413 || status == 414 || status == 431 || status == 501 ||
          status == 505) {
        EXPECT_NE(got.find("\r\nConnection: close\r\n"), std::string::npos) << got;
        EXPECT_EQ(count_of(got, "\r\nDate: "), 1U) << got;
      }
    }
  });
}

EVERY_VERSION(Server, TellsTheMethodsOfAPathInAllow) {
  const std::string got = co_await served("DELETE / HTTP/1.1\r\nHost: a\r\n\r\n" + get);
  EXPECT_EQ(first_line(got), "HTTP/1.1 405 Method Not Allowed");
  EXPECT_NE(got.find("\r\nAllow: GET, HEAD, PUT, OPTIONS\r\n"), std::string::npos) << got;
  EXPECT_EQ(count_of(got, "HTTP/1.1 200 OK"), 1U) << "the connection goes on";
}

EVERY_VERSION_RUNS(Server, AnswersAHandlersExceptionWith500AndReportsIt) {
  int reported = 0;
  run_as(run_options().reactor(reactor).on_unhandled([&](const std::exception_ptr& e) {
    try {
      std::rethrow_exception(e);
    } catch (const std::domain_error&) {
      ++reported;
    }
  }),
         []() -> task<> {
           http::server server;
           server.route("GET", "/throw", [](server_request&) -> task<server_response> {
             throw std::domain_error("oh");
           });
           server.route("GET", "/", hello);
           co_await with_server(server, [](std::string, endpoint here) -> task<> {
             const std::string got =
                 co_await exchange_bytes(here, "GET /throw HTTP/1.1\r\nHost: a\r\n\r\n" + get);
             EXPECT_EQ(first_line(got), "HTTP/1.1 500 Internal Server Error");
             EXPECT_EQ(got.find("oh"), std::string::npos)
                 << "what it threw is nobody else's business";
             EXPECT_EQ(count_of(got, "HTTP/1.1 200 OK"), 1U) << "the connection goes on";
           });
         });
  EXPECT_EQ(reported, 1);
}

namespace {

// Runs a server whose one handler streams from `source`; returns what a client got and what was
// reported.
struct streamed {
  std::string got;
  std::vector<std::string> reported;
};
streamed stream_from(reactor_kind reactor, std::optional<std::uint64_t> size,
                     task<std::optional<std::string>> (*source)(int)) {
  streamed result;
  run_as(run_options().reactor(reactor).on_unhandled([&](const std::exception_ptr& e) {
    try {
      std::rethrow_exception(e);
    } catch (const std::exception& error) {
      result.reported.emplace_back(error.what());
    }
  }),
         [&]() -> task<> {
           http::server server;
           server.route("GET", "/", [&](server_request&) -> task<server_response> {
             co_return server_response::stream(
                 http::make_body([source, n = 0]() mutable { return source(n++); }), size);
           });
           co_await with_server(server, [&](std::string, endpoint here) -> task<> {
             result.got = co_await exchange_bytes(here, get);
           });
         });
  return result;
}

}  // namespace

CONFORMANCE_RUNS(Server, ReportsWhatABodysSourceThrowsAndCutsTheResponseShort) {
  const streamed s = stream_from(reactor, {}, [](int n) -> task<std::optional<std::string>> {
    if (n == 1) throw std::system_error(EIO, std::system_category(), "reading a file");
    co_return "first";
  });
  EXPECT_TRUE(s.got.ends_with("5\r\nfirst\r\n")) << s.got;
  EXPECT_EQ(s.reported.size(), 1U);
  EXPECT_TRUE(!s.reported.empty() && s.reported[0].starts_with("reading a file"));
}

CONFORMANCE_RUNS(Server, ReportsABodyThatIsNotAsLongAsItSaid) {
  for (const std::uint64_t said : {std::uint64_t{3}, std::uint64_t{6}}) {
    const streamed s = stream_from(reactor, said, [](int n) -> task<std::optional<std::string>> {
      if (n == 1) co_return std::nullopt;
      co_return "first";
    });
    EXPECT_EQ(s.reported.size(), 1U) << said;
    EXPECT_LE(s.got.size() - s.got.find("\r\n\r\n") - 4, said);
  }
}

CONFORMANCE(Server, SaysNothingWhenAClientLeavesInTheMiddle) {
  http::server server;
  event entered;
  server.route("POST", "/", [&](server_request& r) -> task<server_response> {
    entered.set();
    co_return server_response::text(co_await r.text());
  });
  co_await with_server(server, [&](std::string origin, endpoint here) -> task<> {
    {
      tcp_stream s = co_await tcp_stream::connect(here);
      co_await write_text(s, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
      co_await entered.wait();
      if (reactor != reactor_kind::simulated) reset_on_close(s);
    }
    http::client c;  // the server goes on
    http::response r = co_await c.post(origin + "/", "whole");
    EXPECT_EQ(co_await r.text(), "whole");
  });
}

EVERY_VERSION(Server, AnswersAHeadWithoutABody) {
  const std::string got = co_await served("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + get);
  EXPECT_EQ(count_of(got, "Content-Length: 5\r\n"), 2U);
  EXPECT_EQ(count_of(got, "hello"), 1U) << got;
}

CONFORMANCE(Server, SpeaksHttp10) {
  const std::string closed = co_await served("GET / HTTP/1.0\r\n\r\n" + get);
  EXPECT_EQ(count_of(closed, "HTTP/1.1 200 OK"), 1U) << closed;
  EXPECT_NE(closed.find("\r\nConnection: close\r\n"), std::string::npos) << closed;
  const std::string kept =
      co_await served("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(count_of(kept, "HTTP/1.1 200 OK"), 2U) << kept;
  EXPECT_EQ(count_of(kept, "\r\nConnection: keep-alive\r\n"), 1U) << kept;
}

CONFORMANCE(Server, StreamsToHttp10ByTheEndOfTheConnection) {
  http::server server;
  int taken = 0;
  server.route("GET", "/", [&](server_request&) -> task<server_response> {
    taken = 0;
    co_return server_response::stream(counted_body("piece", 3, taken));
  });
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    const std::string got =
        co_await exchange_bytes(here, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_TRUE(got.ends_with("\r\n\r\npiecepiecepiece")) << got;
    EXPECT_EQ(got.find("chunked"), std::string::npos) << got;
    EXPECT_NE(got.find("\r\nConnection: close\r\n"), std::string::npos) << got;
  });
}

CONFORMANCE(Server, ClosesWhenItIsAskedTo) {
  const std::string got =
      co_await served("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + get);
  EXPECT_EQ(count_of(got, "HTTP/1.1 200 OK"), 1U) << got;
  EXPECT_NE(got.find("\r\nConnection: close\r\n"), std::string::npos) << got;
}

EVERY_VERSION(Server, SkipsABodyThatItsHandlerLeftUnread) {
  const std::string got = co_await served(post("/ignore", std::string(60'000, 'x')) + get);
  EXPECT_EQ(count_of(got, "HTTP/1.1 200 OK"), 2U) << got;
}

CONFORMANCE(Server, ClosesRatherThanSkipALongBody) {
  http::server server;
  add_routes(server);
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    tcp_stream s = co_await tcp_stream::connect(here);
    std::string got;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto writer = g.spawn([&]() -> task<> {
        const std::string bytes = post("/ignore", std::string(3 << 20, 'x')) + get;
        std::ignore = co_await as_result(write_text(s, bytes));
      });
      for (std::vector<std::byte> buffer(4096);;) {
        const auto n = co_await as_result(s.read_some(buffer));
        if (!n.has_value() || n.value() == 0) break;
        got.append(reinterpret_cast<const char*>(buffer.data()), n.value());
      }
      writer.cancel();
    });
    EXPECT_EQ(count_of(got, "HTTP/1.1 200 OK"), 1U) << got;
  });
}

CONFORMANCE(Server, AsksForABodyThatWaitsToBeAskedFor) {
  http::server server;
  add_routes(server);
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    tcp_stream s = co_await tcp_stream::connect(here);
    co_await write_text(
        s, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(co_await read_text(s, 25), "HTTP/1.1 100 Continue\r\n\r\n");
    co_await write_text(s, "body" + get);
    co_await s.shutdown_write();
    const std::string got = co_await read_text(s);
    EXPECT_EQ(count_of(got, "HTTP/1.1 200 OK"), 2U) << got;
    EXPECT_NE(got.find("\r\n\r\nbody"), std::string::npos) << got;
  });
}

// golang/go#11549, #67555: the body that was not asked for is read as the next request.
CONFORMANCE(Server, AsksForNoBodyThatItsHandlerDoesNotWant) {
  http::server server;
  add_routes(server);
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    tcp_stream s = co_await tcp_stream::connect(here);
    co_await write_text(
        s, "POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    const std::string got = co_await read_text(s);
    EXPECT_EQ(first_line(got), "HTTP/1.1 200 OK") << got;
    EXPECT_NE(got.find("\r\nConnection: close\r\n"), std::string::npos) << got;
  });
}

CONFORMANCE(Server, ClosesAConnectionThatIsIdleForTooLong) {
  http::server server(server_options().idle_timeout(100ms));
  add_routes(server);
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    tcp_stream never = co_await tcp_stream::connect(here);
    tcp_stream after = co_await tcp_stream::connect(here);
    co_await write_text(after, get);
    EXPECT_EQ(first_line(co_await read_text(after)), "HTTP/1.1 200 OK");
    EXPECT_EQ(co_await read_text(never), "");
  });
}

CONFORMANCE(Server, AnswersAHeadThatTakesTooLongWith408) {
  http::server server(server_options().header_timeout(20ms));
  add_routes(server);
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    tcp_stream s = co_await tcp_stream::connect(here);
    co_await write_text(s, "GET / HTTP/1.1\r\nHost:");
    const std::string got = co_await read_text(s);
    EXPECT_EQ(first_line(got), "HTTP/1.1 408 Request Timeout") << got;
    EXPECT_NE(got.find("\r\nConnection: close\r\n"), std::string::npos) << got;
  });
}

CONFORMANCE(Server, AnswersABodyThatStopsWith408) {
  http::server server(server_options().body_timeout(100ms));
  add_routes(server);
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    tcp_stream s = co_await tcp_stream::connect(here);
    co_await write_text(s, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
    EXPECT_EQ(first_line(co_await read_text(s)), "HTTP/1.1 408 Request Timeout");
  });
}

CONFORMANCE(Server, ServesOthersWhileAClientDoesNotRead) {
  http::server server;
  const std::string much(4 << 20, 'x');
  server.route("GET", "/much", [&](server_request&) -> task<server_response> {
    co_return server_response::bytes(much);
  });
  server.route("GET", "/", hello);
  co_await with_server(server, [&](std::string origin, endpoint here) -> task<> {
    tcp_stream slow = co_await tcp_stream::connect(here);
    co_await write_text(slow, "GET /much HTTP/1.1\r\nHost: a\r\n\r\n");
    http::client c;
    for (int i = 0; i < 20; ++i) EXPECT_EQ(co_await get_text(c, origin + "/"), "hello");
    co_await slow.shutdown_write();
    EXPECT_TRUE((co_await read_text(slow)).ends_with("\r\n\r\n" + much));
  });
}

CONFORMANCE(Server, KeepsToItsLimitOfConnections) {
  http::server server(server_options().max_connections(2).half_close(true));
  int now = 0;
  int most = 0;
  server.route("GET", "/", [&](server_request&) -> task<server_response> {
    most = std::max(most, ++now);
    co_await sleep_for(1ms);
    --now;
    co_return server_response::text("x");
  });
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    co_await with_task_group([&](task_group& g) -> task<> {
      for (int i = 0; i < 10; ++i)
        g.spawn([&]() -> task<> {
          EXPECT_EQ(first_line(co_await exchange_bytes(here, get)), "HTTP/1.1 200 OK");
        });
      co_return;
    });
  });
  EXPECT_EQ(most, 2);
}

CONFORMANCE(Server, CancelsItsHandlersAndWaitsForThem) {
  http::server server;
  event entered;
  bool cleaned = false;
  server.route("GET", "/", [&](server_request&) -> task<server_response> {
    entered.set();
    co_return co_await finally(
        []() -> task<server_response> {
          co_await sleep_for(1h);
          co_return server_response();
        }(),
        [&]() -> task<> {
          co_await sleep_for(1ms);
          cleaned = true;
        });
  });
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    tcp_stream s = co_await tcp_stream::connect(here);
    co_await write_text(s, get);
    co_await entered.wait();
  });
  EXPECT_TRUE(cleaned);
}

EVERY_VERSION(Server, KeepsItsOwnFieldsToItself) {
  http::server server;
  server.route("GET", "/", [](server_request&) -> task<server_response> {
    auto r = server_response::text("x");
    r.header("Content-Length", "1")
        .header("Connection", "upgrade")
        .header("Transfer-Encoding", "chunked")
        .header("X", "y");
    EXPECT_THROW(r.header("X", "a\r\nb"), std::invalid_argument);
    co_return r;
  });
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    const std::string got = co_await exchange_bytes(here, get);
    EXPECT_EQ(count_of(got, "Content-Length: "), 1U) << got;
    EXPECT_EQ(got.find("chunked"), std::string::npos) << got;
    EXPECT_EQ(got.find("upgrade"), std::string::npos) << got;
  });
}

EVERY_VERSION(Server, HasNoBodyWhereTheStandardHasNone) {
  http::server server;
  server.route("GET", "/{status}", [](server_request& r) -> task<server_response> {
    co_return server_response(std::stoi(std::string(r.param("status"))));
  });
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    for (const char* status : {"204", "304"}) {
      const std::string got = co_await exchange_bytes(
          here, std::string("GET /") + status + " HTTP/1.1\r\nHost: a\r\n\r\n");
      EXPECT_TRUE(got.ends_with("\r\n\r\n")) << got;
      EXPECT_EQ(got.find("Content-Length"), std::string::npos) << got;
    }
  });
}

EVERY_VERSION(Server, SendsEveryFieldOfANameAndEveryCookie) {
  http::server server;
  server.route("GET", "/", [](server_request&) -> task<server_response> {
    auto r = server_response::text("x");
    r.add_header("Link", "<a>").add_header("link", "<b>").header("X", "1").header("X", "2");
    r.set_cookie({.name = "a", .value = "1"})
        .set_cookie({.name = "b", .value = "2", .secure = true, .http_only = true});
    EXPECT_THROW(r.add_header("X", "a\r\nb"), std::invalid_argument);
    EXPECT_THROW(r.set_cookie({.name = "c", .value = "3; Secure"}), std::invalid_argument);
    co_return std::move(r).add_header("Link", "<c>").set_cookie({.name = "d", .value = "4"});
  });
  co_await with_server(server, [&](std::string origin, endpoint here) -> task<> {
    const std::string got = co_await exchange_bytes(here, get);
    // Names of HTTP/2 have no spelling.
    const std::string link = speaks_http2() ? "Link" : "link";
    EXPECT_NE(got.find("\r\nLink: <a>\r\n" + link + ": <b>\r\n"), std::string::npos) << got;
    EXPECT_NE(got.find("\r\nLink: <c>\r\n"), std::string::npos) << got;
    EXPECT_NE(got.find("\r\nSet-Cookie: a=1; Path=/\r\n"), std::string::npos) << got;
    EXPECT_NE(got.find("\r\nSet-Cookie: b=2; Path=/; Secure; HttpOnly\r\n"), std::string::npos)
        << got;
    EXPECT_EQ(count_of(got, "Set-Cookie: "), 3U) << got;
    EXPECT_EQ(count_of(got, "\r\nX: "), 1U) << got;
    auto jar = std::make_shared<http::cookie_jar>();
    http::client c(spoken().cookies(jar));
    (void)co_await get_text(c, origin + "/");
    EXPECT_EQ(jar->size(), 2U) << "b is for https";
  });
}

CONFORMANCE(Server, AStreamedResponseHasAStatusAndFields) {
  http::server server;
  int taken = 0;
  server.route("GET", "/", [&](server_request&) -> task<server_response> {
    taken = 0;
    co_return server_response::stream(counted_body("piece", 2, taken), {}, 503)
        .header("Content-Type", "text/plain")
        .add_header("X", "1");
  });
  // The length that a handler knows otherwise is taken.
  server.route("GET", "/sized", [&](server_request&) -> task<server_response> {
    taken = 0;
    co_return server_response::stream(counted_body("piece", 2, taken))
        .header("Content-Length", "10");
  });
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    const std::string got = co_await exchange_bytes(here, get);
    EXPECT_EQ(first_line(got), "HTTP/1.1 503 Service Unavailable");
    EXPECT_EQ(count_of(got, "\r\nContent-Type: text/plain\r\n"), 1U) << got;
    EXPECT_EQ(count_of(got, "\r\nContent-Type: "), 1U) << got;
    EXPECT_TRUE(got.ends_with("\r\n\r\n5\r\npiece\r\n5\r\npiece\r\n0\r\n\r\n")) << got;
    const std::string sized =
        co_await exchange_bytes(here, "GET /sized HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(count_of(sized, "\r\nContent-Length: 10\r\n"), 1U) << sized;
    EXPECT_TRUE(sized.ends_with("\r\n\r\npiecepiece")) << sized;
  });
}

// RFC 9110, section 8.6: the length that GET would have.
EVERY_VERSION(Server, AnAnswerToHeadMaySayALengthWithoutABody) {
  http::server server;
  server.route("HEAD", "/", [](server_request&) -> task<server_response> {
    co_return server_response().header("Content-Length", "1234");
  });
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    const std::string got = co_await exchange_bytes(here, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(first_line(got), "HTTP/1.1 200 OK");
    EXPECT_EQ(count_of(got, "\r\nContent-Length: 1234\r\n"), 1U) << got;
  });
}

CONFORMANCE(Server, TellsWhoAsks) {
  http::server server;
  std::optional<endpoint> seen;
  server.route("GET", "/", [&](server_request& r) -> task<server_response> {
    seen = r.remote();
    co_return server_response();
  });
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    tcp_stream s = co_await tcp_stream::connect(here);
    const endpoint mine = s.local_endpoint();
    co_await write_text(s, get);
    co_await s.shutdown_write();
    co_await read_text(s);
    EXPECT_EQ(seen, mine);
  });
}

CONFORMANCE(Server, TellsNobodyOfAClientThatHasGone) {
  if (reactor == reactor_kind::simulated) co_return;
  http::server server;
  event entered;
  event reset;
  std::optional<endpoint> seen;
  server.route("GET", "/", [&](server_request& r) -> task<server_response> {
    entered.set();
    co_await shield([&]() -> task<> {  // or the reset would take the handler with it
      co_await reset.wait();
      while ((seen = r.remote()) != endpoint()) co_await yield_now();
    });
    co_return server_response();
  });
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    {
      tcp_stream s = co_await tcp_stream::connect(here);
      co_await write_text(s, get);
      co_await entered.wait();
      reset_on_close(s);
    }
    reset.set();
    while (seen != endpoint()) co_await yield_now();
  });
  EXPECT_EQ(seen, endpoint());
}

EVERY_VERSION(Server, HasMethodsOfItsOwn) {
  http::server server;
  add_routes(server);
  server.route("BREW", "/pot", [](server_request& r) -> task<server_response> {
    co_return server_response::text(r.method() + ' ' + co_await r.text());
  });
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    const std::string got = co_await exchange_bytes(
        here, "BREW /pot HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\ntea" + get +
                  "BREW / HTTP/1.1\r\nHost: a\r\n\r\n" + "STIR /pot HTTP/1.1\r\nHost: a\r\n\r\n" +
                  "PUT /pot HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_NE(got.find("\r\n\r\nBREW tea"), std::string::npos) << got;
    EXPECT_EQ(count_of(got, "HTTP/1.1 200 "), 2U) << got;
    EXPECT_EQ(count_of(got, "HTTP/1.1 405 "), 2U) << got;
    EXPECT_EQ(count_of(got, "HTTP/1.1 501 "), 1U) << got;
    EXPECT_EQ(count_of(got, "\r\nAllow: BREW, OPTIONS\r\n"), 1U) << got;
  });
}

EVERY_VERSION(Server, GivesAllThatFollows) {
  http::server server;
  server.route("GET", "/static/{rest...}", [](server_request& r) -> task<server_response> {
    co_return server_response::text('<' + std::string(r.param("rest")) + '>');
  });
  EXPECT_THROW(server.route("GET", "/{a...}/b", hello), std::invalid_argument);
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    const auto rest = [&](std::string path) {
      return exchange_bytes(here, "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n");
    };
    EXPECT_TRUE((co_await rest("/static/")).ends_with("\r\n\r\n<>"));
    EXPECT_TRUE((co_await rest("/static/a%20b/c%2525")).ends_with("\r\n\r\n<a b/c%25>"));
    EXPECT_EQ(first_line(co_await rest("/static")), "HTTP/1.1 404 Not Found");
  });
}
