// Whose fault a failure is: the client's, the handler's, or that of a server which the handler
// asked.
#include "http/http_support.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::server_options;
using http::server_request;
using http::server_response;

namespace http_server_blame_cases {
namespace {

const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

struct verdict {
  std::string got;                    // by the client
  std::vector<std::string> reported;  // to on_unhandled
};

// What becomes of `bytes` at a server whose handler for GET and POST / is this.
template <class Handler>
verdict judged(reactor_kind reactor, Handler handler, std::string bytes = get,
               server_options options = {}) {
  verdict v;
  run_as(run_options().reactor(reactor).on_unhandled([&](const std::exception_ptr& e) {
    try {
      std::rethrow_exception(e);
    } catch (const std::exception& error) {
      v.reported.emplace_back(error.what());
    }
  }),
         [&]() -> task<> {
           http::server server(options.half_close(true));
           server.route("GET", "/", handler);
           server.route("POST", "/", handler);
           server.route("GET", "/good", [](server_request&) -> task<server_response> {
             co_return server_response::text("good");
           });
           co_await with_server(server, [&](std::string, endpoint here) -> task<> {
             v.got = co_await exchange_bytes(here, bytes);
           });
         });
  return v;
}

// The same for a handler that asks an upstream server, which answers like this, and lets all errors
// pass.
template <class Peer>
verdict judged_upstream(reactor_kind reactor, Peer peer) {
  return judged(reactor, [peer](server_request&) -> task<server_response> {
    std::string text;
    co_await with_peer(peer, [&](std::string origin) -> task<> {
      http::client c(spoken().total_timeout(200ms).timeout(http::phase::read, 50ms));
      http::response r = co_await c.get(origin + "/inner-secret");
      text = co_await r.text();
    });
    co_return server_response::text(text);
  });
}

void expect_blamed(const verdict& v, int status, std::string_view trace) {
  SCOPED_TRACE(trace);
  EXPECT_TRUE(v.got.starts_with("HTTP/1.1 " + std::to_string(status) + " ")) << v.got;
  EXPECT_EQ(v.reported.size(), 1U);
  EXPECT_EQ(v.got.find("inner"), std::string::npos) << v.got;
  EXPECT_EQ(v.got.find("phase"), std::string::npos) << v.got;
  EXPECT_EQ(v.got.find("127.0.0.1"), std::string::npos) << v.got;
}

std::string post(const std::string& fields, const std::string& body) {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n" + body;
}

}  // namespace

CONFORMANCE_RUNS(ServerBlame, AnUpstreamFailureIsNotTheClients) {
  expect_blamed(
      judged_upstream(reactor, answers("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")), 502,
      "a body that is cut");
  expect_blamed(judged_upstream(reactor, answers("nonsense\r\n\r\n")), 502, "no HTTP");
  expect_blamed(judged_upstream(reactor, answers("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
                                                 "Content-Length: 4\r\n\r\nnogz")),
                502, "a coding that cannot be read");
  expect_blamed(judged_upstream(reactor, answers("", then::stay_open)), 504, "silence");
  expect_blamed(judged_upstream(reactor, answers("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx",
                                                 then::stay_open)),
                504, "a body that stops");
  expect_blamed(judged_upstream(reactor, answers("HTTP/1.1 302 F\r\nLocation: ftp://inner/\r\n"
                                                 "Content-Length: 0\r\n\r\n")),
                502, "a redirect to nowhere");
}

EVERY_VERSION_RUNS(ServerBlame, AServerThatIsNotThereIs502) {
  expect_blamed(judged(reactor,
                       [](server_request&) -> task<server_response> {
                         std::string origin;
                         {
                           tcp_listener gone = listen_here();
                           origin = origin_of(gone.local_endpoint());
                         }
                         http::response r = co_await http::client(spoken()).get(origin + "/inner");
                         co_return server_response::text(co_await r.text());
                       }),
                502, "refused");
}

EVERY_VERSION_RUNS(ServerBlame, AStatusThatTheHandlerDidNotExpectIs502) {
  expect_blamed(judged(reactor,
                       [](server_request&) -> task<server_response> {
                         throw http::status_error(404, "inner");
                         co_return server_response();
                       }),
                502, "raise_for_status");
}

EVERY_VERSION_RUNS(ServerBlame, AnyOtherErrorOfTheHandlerIs500) {
  expect_blamed(judged(reactor,
                       [](server_request&) -> task<server_response> {
                         co_await http::client(spoken()).get("no url of inner");
                         co_return server_response();
                       }),
                500, "no URL");
  expect_blamed(judged(reactor,
                       [](server_request&) -> task<server_response> {
                         throw std::system_error(EIO, std::system_category(), "inner");
                         co_return server_response();
                       }),
                500, "a system error");
  expect_blamed(judged(reactor,
                       [](server_request&) -> task<server_response> {
                         co_await timeout(1ms, sleep_for(1h));
                         co_return server_response();
                       }),
                500, "a timeout of its own");
}

// An error that only looks like one of the request's body.
EVERY_VERSION_RUNS(ServerBlame, AnErrorIsToldByItsOriginAndNotByItsType) {
  expect_blamed(judged(
                    reactor,
                    [](server_request& r) -> task<server_response> {
                      co_await r.text();
                      throw http::body_error(http::body_error::reason::too_large, "inner");
                    },
                    post("Content-Length: 4\r\n", "body")),
                502, "of the handler's own making");
}

CONFORMANCE_RUNS(ServerBlame, TheRequestsOwnBodyIsTheClients) {
  const auto read = [](server_request& r) -> task<server_response> {
    co_return server_response::text(co_await r.text());
  };
  const auto read_caught = [](server_request& r) -> task<server_response> {
    const outcome<std::string> text = co_await as_result(r.text());
    if (text.has_error()) std::rethrow_exception(text.error());
    co_return server_response::text(text.value());
  };
  const std::pair<std::string, int> cases[] = {
      {post("Content-Length: 10\r\n", "half"), 400},
      {post("Transfer-Encoding: chunked\r\n", "zz\r\n"), 400},
      {post("Content-Length: 11\r\n", "eleven byte"), 413},
      {post("Transfer-Encoding: chunked\r\n", "b\r\neleven byte\r\n0\r\n\r\n"), 413},
  };
  for (const auto& [bytes, status] : cases)
    for (const verdict& v : {judged(reactor, read, bytes, server_options().max_body(10)),
                             judged(reactor, read_caught, bytes, server_options().max_body(10))}) {
      EXPECT_TRUE(v.got.starts_with("HTTP/1.1 " + std::to_string(status) + " ")) << bytes << v.got;
      EXPECT_NE(v.got.find("\r\nConnection: close\r\n"), std::string::npos) << v.got;
      EXPECT_TRUE(v.reported.empty());
    }
}

// A handler may answer for itself what it was given; the connection cannot go on all the same.
CONFORMANCE_RUNS(ServerBlame, ABodyThatFailedEndsTheConnectionWhateverIsAnswered) {
  const verdict v = judged(
      reactor,
      [](server_request& r) -> task<server_response> {
        const outcome<std::string> text = co_await as_result(r.text());
        co_return server_response::text(text.has_error() ? "sorry" : "fine", 422);
      },
      post("Transfer-Encoding: chunked\r\n", "zz\r\n") + get);
  EXPECT_TRUE(v.got.starts_with("HTTP/1.1 422 ")) << v.got;
  EXPECT_NE(v.got.find("\r\nConnection: close\r\n"), std::string::npos) << v.got;
  EXPECT_EQ(count_of(v.got, "HTTP/1.1 "), 1U) << v.got;
  EXPECT_TRUE(v.reported.empty());
}

// The body of the answer is that of the request, passed on as it comes.
CONFORMANCE_RUNS(ServerBlame, AnAnswerThatFailsByTheRequestsBodyIsNotReported) {
  const verdict v = judged(
      reactor,
      [](server_request& r) -> task<server_response> {
        co_return server_response::stream(
            http::make_body([&r]() -> task<std::optional<std::string>> {
              const std::span<const std::byte> piece = co_await r.next_chunk();
              if (piece.empty()) co_return std::nullopt;
              co_return std::string(reinterpret_cast<const char*>(piece.data()), piece.size());
            }));
      },
      post("Transfer-Encoding: chunked\r\n", "4\r\ngood\r\nzz\r\n"));
  EXPECT_TRUE(v.got.ends_with("4\r\ngood\r\n")) << v.got;
  EXPECT_TRUE(v.reported.empty());
}

EVERY_VERSION_RUNS(ServerBlame, AStatusThatCannotBeSentIs500AndReported) {
  for (const int status : {0, -1, 99, 100, 101, 199, 1000, 100'000}) {
    const verdict v = judged(
        reactor,
        [status](server_request&) -> task<server_response> {
          co_return server_response::text("inner", status);
        },
        get + "GET /good HTTP/1.1\r\nHost: a\r\n\r\n");
    expect_blamed(v, 500, std::to_string(status));
    EXPECT_TRUE(v.got.ends_with("good")) << "the connection goes on: " << v.got;
  }
}

EVERY_VERSION_RUNS(ServerBlame, AFieldThatCannotBeSentIs500AndReported) {
  for (const auto& [name, value] :
       {std::pair("X", "a\r\nb"), std::pair("X Y", "inner"), std::pair("", "inner")}) {
    expect_blamed(judged(reactor,
                         [name, value](server_request&) -> task<server_response> {
                           co_return server_response::text("inner").header(name, value);
                         }),
                  500, name);
  }
}

EVERY_VERSION_RUNS(ServerBlame, ALengthThatContradictsTheBodyIs500AndReported) {
  for (const char* length : {"99", "0", "4", "-1", "x", "", "99999999999999999999"})
    expect_blamed(judged(reactor,
                         [length](server_request&) -> task<server_response> {
                           co_return server_response::text("inner").header("Content-Length",
                                                                           length);
                         }),
                  500, length);
  const verdict right = judged(reactor, [](server_request&) -> task<server_response> {
    co_return server_response::text("right").header("Content-Length", "5");
  });
  EXPECT_TRUE(right.got.starts_with("HTTP/1.1 200 ")) << right.got;
  EXPECT_EQ(count_of(right.got, "Content-Length: 5\r\n"), 1U) << right.got;
  EXPECT_TRUE(right.reported.empty());
}

EVERY_VERSION_RUNS(ServerBlame, ABodyWhereTheStandardHasNoneIsReportedAndNotSent) {
  for (const int status : {204, 205, 304}) {
    const verdict v = judged(
        reactor,
        [status](server_request&) -> task<server_response> {
          co_return server_response::text("inner", status);
        },
        get + "GET /good HTTP/1.1\r\nHost: a\r\n\r\n");
    expect_blamed(v, status, "with a body");
    EXPECT_EQ(count_of(v.got, "HTTP/1.1 "), 2U) << v.got;
    const verdict without = judged(reactor, [status](server_request&) -> task<server_response> {
      co_return server_response(status);
    });
    EXPECT_TRUE(without.reported.empty()) << status;
  }
}

CONFORMANCE_RUNS(ServerBlame, NothingIsAskedForThatWillBeRefused) {
  const std::string expect = "Expect: 100-continue\r\nHost: a\r\n";
  const std::pair<std::string, int> cases[] = {
      {"POST / HTTP/1.1\r\n" + expect + "Content-Length: 100000000000\r\n\r\n", 413},
      {"POST / HTTP/1.1\r\n" + expect + "Content-Length: 11\r\n\r\n", 413},
      {"POST /none HTTP/1.1\r\n" + expect + "Content-Length: 5\r\n\r\n", 404},
      {"PUT / HTTP/1.1\r\n" + expect + "Content-Length: 5\r\n\r\n", 405},
      {"POST http://u@a/ HTTP/1.1\r\n" + expect + "Content-Length: 5\r\n\r\n", 400},
      {"POST /%zz HTTP/1.1\r\n" + expect + "Content-Length: 5\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\n" + expect + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
      {"POST / HTTP/2.0\r\n" + expect + "Content-Length: 5\r\n\r\n", 505},
      {"BREW / HTTP/1.1\r\n" + expect + "Content-Length: 5\r\n\r\n", 501},
  };
  for (const auto& [bytes, status] : cases) {
    const verdict v = judged(
        reactor,
        [](server_request& r) -> task<server_response> {
          co_return server_response::text(co_await r.text());
        },
        bytes, server_options().max_body(10));
    EXPECT_TRUE(v.got.starts_with("HTTP/1.1 " + std::to_string(status) + " ")) << bytes << v.got;
    EXPECT_EQ(v.got.find("100 Continue"), std::string::npos) << bytes << v.got;
    EXPECT_TRUE(v.reported.empty()) << bytes;
  }
}

// Before the body is there, whether or not it waits to be asked for.
CONFORMANCE(ServerBlame, ALengthAboveTheLimitIsRefusedAtOnce) {
  http::server server(server_options().max_body(10));
  server.route("POST", "/", [](server_request& r) -> task<server_response> {
    co_return server_response::text(co_await r.text());
  });
  co_await with_server(server, [&](std::string, endpoint here) -> task<> {
    tcp_stream s = co_await tcp_stream::connect(here);
    co_await write_text(s, post("Content-Length: 11\r\n", ""));
    EXPECT_EQ(first_line(co_await read_text(s)), "HTTP/1.1 413 Content Too Large");
  });
}

}  // namespace http_server_blame_cases
