// Every failure of an exchange has a name, the URL and the phase, and leaves no connection behind.
#include "http/http_support.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>

#include <netdb.h>

#include <array>

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using http::phase;

namespace {

// The failure of a GET with its body.
template <class E>
task<std::optional<E>> failure(http::client& c, std::string url) {
  co_return co_await caught<E>(get_text(c, std::move(url)));
}

task<> silence(tcp_stream& s, int) { co_await until_closed(s); }

void expect_says(const http::error& e, std::string_view url, std::string_view word) {
  const std::string said = e.what();
  EXPECT_EQ(e.url(), url);
  EXPECT_NE(said.find(url), std::string::npos) << said;
  EXPECT_NE(said.find(word), std::string::npos) << said;
}

// After a read of a body that has failed or was cancelled: no later one may say that all is well.
task<> expect_no_clean_end(http::response& r) {
  for (int i = 0; i < 2; ++i) {
    std::array<std::byte, 8> room{};
    const auto chunk = co_await caught<http::body_error>(r.next_chunk());
    EXPECT_TRUE(chunk && chunk->why() == http::body_error::reason::truncated);
    const auto some = co_await caught<http::body_error>(r.read_some(room));
    EXPECT_TRUE(some && some->why() == http::body_error::reason::truncated);
    const auto all = co_await caught<http::body_error>(r.text());
    EXPECT_TRUE(all && all->why() == http::body_error::reason::truncated);
    if (all) expect_says(*all, r.url().href(), "earlier");
  }
}

}  // namespace

EVERY_VERSION(HttpError, NamesAPortThatIsRefused) {
  const unserved_port port;
  const endpoint gone = port.at();
  http::client c(spoken());
  const std::string url = origin_of(gone) + "/x";
  const auto e = co_await failure<http::connect_error>(c, url);
  EXPECT_TRUE(e);
  if (!e) co_return;
  EXPECT_EQ(e->code(), system_code(ECONNREFUSED));
  EXPECT_EQ(e->phase(), phase::connect);
  expect_says(*e, url, "phase connect");
  EXPECT_EQ(c.open_connections(), 0U);
}

EVERY_VERSION(HttpError, NamesAHostThatIsUnknown) {
  http::client c(spoken());
  const std::string url = "http://no-such-host.invalid/";
  const auto e = co_await failure<http::connect_error>(c, url);
  EXPECT_TRUE(e);
  if (!e) co_return;
  EXPECT_EQ(e->code().category(), net::resolver_category());
  EXPECT_EQ(e->phase(), phase::resolve);
  expect_says(*e, url, "no-such-host.invalid");
  EXPECT_EQ(c.open_connections(), 0U);
}

EVERY_VERSION(HttpError, NamesAUrlThatIsNone) {
  http::client c(spoken());
  for (const char* text :
       {"", "not a url", "http://", "http://a b/", "http://a:99999/", "http://[::1/"}) {
    std::optional<http::url_error> e;
    try {
      co_await c.get(text);
    } catch (const http::url_error& error) {
      e = error;
    }
    EXPECT_TRUE(e) << text;
    if (e) {
      EXPECT_EQ(e->phase(), phase::url);
      EXPECT_EQ(e->url(), text);
    }
  }
}

EVERY_VERSION(HttpError, NamesASchemeThatIsNotSpoken) {
  http::client c(spoken());
  const auto ws = co_await failure<http::url_error>(c, "ws://127.0.0.1/");
  EXPECT_TRUE(ws && ws->phase() == phase::url);
}

CONFORMANCE(HttpError, NamesAReplyCutShortInEachFraming) {
  for (const char* reply :
       {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    co_await with_peer(answers(reply), [&](std::string origin) -> task<> {
      http::client c;
      const auto e = co_await failure<http::body_error>(c, origin + "/cut");
      EXPECT_TRUE(e) << reply;
      if (!e) co_return;
      EXPECT_EQ(e->why(), http::body_error::reason::truncated) << reply;
      EXPECT_EQ(e->phase(), phase::body);
      expect_says(*e, origin + "/cut", "phase body");
      EXPECT_EQ(c.open_connections(), 0U);
    });
  }
}

// Nothing says how long such a body is. Over TLS its end is told (close_notify), over TCP only a
// reset would be seen.
CONFORMANCE(HttpError, CannotTellAnEndFromAFailureWhereOnlyTheConnectionEndsABody) {
  co_await with_peer(answers("HTTP/1.0 200 OK\r\n\r\nhalf"), [](std::string origin) -> task<> {
    http::client c;
    EXPECT_EQ(co_await get_text(c, origin + "/"), "half");
    EXPECT_EQ(c.open_connections(), 0U);
  });
}

ON_KERNEL_REACTORS(HttpError, NamesABodyThatIsReset) {
  run_on(reactor, []() -> task<> {
    for (const char* head : {"Content-Length: 10\r\n\r\nhalf",
                             "Transfer-Encoding: chunked\r\n\r\n5\r\nhel", "\r\nuntil close"}) {
      event read;
      co_await with_peer(
          [&](tcp_stream& s, int) -> task<> {
            net::buffered_reader in(s);
            co_await read_head(in);
            co_await write_text(s, std::string("HTTP/1.1 200 OK\r\n") + head);
            co_await read.wait();
            reset_on_close(s);
          },
          [&](std::string origin) -> task<> {
            http::client c;
            http::response r = co_await c.get(origin + "/");
            read.set();
            const auto e = co_await caught<http::body_error>(r.text());
            EXPECT_TRUE(e) << head;
            if (!e) co_return;
            EXPECT_EQ(e->why(), http::body_error::reason::truncated);
            expect_says(*e, origin + "/", "lost");
            EXPECT_EQ(c.open_connections(), 0U);
          });
    }
  });
}

CONFORMANCE(HttpError, NamesAReplyThatIsNoHttp) {
  const std::string many_fields = [] {
    std::string s = "HTTP/1.1 200 OK\r\n";
    for (int i = 0; i < 129; ++i) s += "X-" + std::to_string(i) + ": 1\r\n";
    return s + "\r\n";
  }();
  const std::pair<std::string, const char*> cases[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       "both"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
       "more than one Content-Length"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
       "more than one Content-Length"},
      {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "Content-Length"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "Transfer-Encoding"},
      {"SSH-2.0-OpenSSH_9.2\r\n", ""},
      {"HTTP/2.0 200 OK\r\n\r\n", ""},
      {"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", ""},
      {"HTTP/1.1 20x OK\r\n\r\n", ""},
      {"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok", ""},
      {"HTTP/1.1 200 OK\r\nContent-Le", ""},  // cut short in the head
      {"HTTP/1.1 200 OK\r\nX: " + std::string(9000, 'x') + "\r\n\r\n", ""},
      {"HTTP/1.1 200 " + std::string(70'000, 'x'), ""},
      {many_fields, ""},
      {"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", "101"},
  };
  for (const auto& [reply, word] : cases) {
    SCOPED_TRACE(reply.substr(0, 80));
    co_await with_peer(answers(reply), [&](std::string origin) -> task<> {
      http::client c;
      const auto e = co_await failure<http::protocol_error>(c, origin + "/bad");
      EXPECT_TRUE(e) << reply.substr(0, 80);
      if (!e) co_return;
      EXPECT_EQ(e->phase(), phase::first_byte);
      expect_says(*e, origin + "/bad", word);
      EXPECT_EQ(c.open_connections(), 0U);
    });
  }
}

CONFORMANCE(HttpError, NamesAChunkThatIsNone) {
  co_await with_peer(
      answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n"),
      [](std::string origin) -> task<> {
        http::client c;
        const auto e = co_await failure<http::protocol_error>(c, origin + "/");
        EXPECT_TRUE(e);
        if (!e) co_return;
        EXPECT_EQ(e->phase(), phase::body);
        expect_says(*e, origin + "/", "");
      });
}

EVERY_VERSION(HttpError, EndsAnEndlessRowOfInterimResponses) {
  const std::string interim = "HTTP/1.1 102 Processing\r\n\r\n";
  const auto reply = [&](int n) {
    std::string s;
    for (int i = 0; i < n; ++i) s += interim;
    return s + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  };
  co_await with_peer(answers(reply(16)), [](std::string origin) -> task<> {
    http::client c(spoken());
    EXPECT_EQ(co_await get_text(c, origin), "");
  });
  co_await with_peer(answers(reply(17)), [](std::string origin) -> task<> {
    http::client c(spoken());
    const auto e = co_await failure<http::protocol_error>(c, origin);
    EXPECT_TRUE(e);
  });
}

namespace {

bool is_http_error(const std::exception_ptr& e) {
  try {
    std::rethrow_exception(e);
  } catch (const http::error&) {
    return true;
  } catch (...) {
    return false;
  }
}

}  // namespace

CONFORMANCE(HttpError, TakesNoOtherProtocolAndNoEndlessHeadsFromAProxy) {
  std::string endless;
  for (int i = 0; i < 500; ++i) endless += "HTTP/1.1 102 Processing\r\n\r\n";
  const std::string switches = "HTTP/1.1 101 S\r\n\r\n";
  for (const std::string& reply :
       {switches, switches + "more", switches + switches,
        "HTTP/1.1 100 Continue\r\n\r\n" + switches + "x",
        std::string("HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n\x01\x02"), endless,
        "HTTP/1.1 200 OK\r\n\r\n" + switches}) {
    co_await with_peer(answers(reply, then::stay_open), [&](std::string origin) -> task<> {
      http::client c(http::client_options().proxy(http::proxy(origin).tunnel()));
      const auto e = co_await caught<http::protocol_error>(c.get("http://a.test/"));
      EXPECT_TRUE(e && e->phase() == phase::proxy) << reply.substr(0, 60);
      EXPECT_EQ(c.open_connections(), 0U);
    });
    co_await with_peer(answers(reply, then::stay_open), [&](std::string origin) -> task<> {
      http::client c;
      for (const char* method : {"GET", "CONNECT", "HEAD"}) {
        const auto ended = co_await as_result(c.send(http::request(method, origin)));
        EXPECT_TRUE(!ended.has_error() || is_http_error(ended.error()))
            << method << ' ' << reply.substr(0, 60);
      }
    });
  }
}

CONFORMANCE(HttpError, NamesAServerThatClosesWithoutAnAnswer) {
  co_await with_peer(answers(""), [](std::string origin) -> task<> {
    http::client c;
    const auto e = co_await failure<http::connect_error>(c, origin + "/");
    EXPECT_TRUE(e);
    if (!e) co_return;
    EXPECT_EQ(e->phase(), phase::first_byte);
    expect_says(*e, origin + "/", "without an answer");
  });
}

EVERY_VERSION(HttpError, NamesAServerThatSaysNothingUntilTheTimeout) {
  co_await with_peer(silence, [](std::string origin) -> task<> {
    http::client c(spoken().total_timeout(30ms));
    const auto start = this_loop().now();
    const auto e = co_await failure<http::timeout_error>(c, origin + "/silent");
    EXPECT_GE(this_loop().now() - start, 30ms);
    EXPECT_TRUE(e);
    if (!e) co_return;
    EXPECT_EQ(e->phase(), phase::total);
    expect_says(*e, origin + "/silent", "first byte");
    co_await expect_given_up(c);
  });
}

EVERY_VERSION(HttpError, LetsARequestHaveItsOwnTimeout) {
  co_await with_peer(silence, [](std::string origin) -> task<> {
    http::client c(spoken());
    const auto e = co_await caught<http::timeout_error>(
        c.send(http::request("GET", origin + "/").timeout(10ms)));
    EXPECT_TRUE(e);
    co_await expect_given_up(c);
  });
}

EVERY_VERSION(HttpError, NamesAServerThatStopsInTheMiddleOfABody) {
  for (const char* reply : {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"}) {
    co_await with_peer(answers(reply, then::stay_open), [](std::string origin) -> task<> {
      http::client c(spoken().total_timeout(100ms));
      http::response r = co_await c.get(origin + "/half");
      const auto e = co_await caught<http::timeout_error>(r.text());
      EXPECT_TRUE(e);
      if (!e) co_return;
      EXPECT_EQ(e->phase(), phase::total);
      expect_says(*e, origin + "/half", "body");
      co_await expect_given_up(c);
    });
  }
}

CONFORMANCE(HttpError, NamesAPlaceThatNeverGetsFree) {
  co_await with_peer(silence, [](std::string origin) -> task<> {
    http::client c(http::client_options().max_connections(1));
    co_await with_task_group([&](task_group& g) -> task<> {
      auto first = g.spawn([&] { return get_text(c, origin); });
      co_await yield_now();
      const auto e = co_await caught<http::timeout_error>(
          c.send(http::request("GET", origin + "/").timeout(20ms)));
      EXPECT_TRUE(e);
      if (e) expect_says(*e, origin + "/", "\"pool\"");
      EXPECT_EQ(c.open_connections(), 1U);
      first.cancel();
    });
    EXPECT_EQ(c.open_connections(), 0U);
  });
}

// A backlog that is full answers no connect.
EVERY_VERSION(HttpError, NamesAConnectThatTakesTooLong) {
  tcp_listener listener = tcp_listener::bind(loopback(), net::listen_options().backlog(1));
  std::vector<tcp_stream> filling;
  for (int i = 0; i < 16; ++i) {
    auto s = co_await try_for(30ms, tcp_stream::connect(listener.local_endpoint()));
    if (!s) break;
    filling.push_back(std::move(*s));
  }
  http::client c(spoken().connect_timeout(20ms));
  const std::string url = origin_of(listener.local_endpoint()) + "/";
  const auto e = co_await failure<http::timeout_error>(c, url);
  EXPECT_TRUE(e);
  if (!e) co_return;
  EXPECT_EQ(e->phase(), phase::connect);
  expect_says(*e, url, "phase connect");
  EXPECT_EQ(c.open_connections(), 0U);
}

EVERY_VERSION(HttpError, NamesABodyThatIsTooLarge) {
  co_await with_peer(answers("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789"),
                     [](std::string origin) -> task<> {
                       http::client exact(spoken().max_body(10));
                       EXPECT_EQ(co_await get_text(exact, origin), "0123456789");
                       http::client small(spoken().max_body(9));
                       const auto e = co_await failure<http::body_error>(small, origin + "/");
                       EXPECT_TRUE(e);
                       if (!e) co_return;
                       EXPECT_EQ(e->why(), http::body_error::reason::too_large);
                       expect_says(*e, origin + "/", "max_body");
                       co_await expect_given_up(small);
                     });
}

namespace {

const std::string three_of_ten = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc";

}  // namespace

EVERY_VERSION(HttpBodyRead, ThatWasCancelledIsFollowedByNoCleanEnd) {
  co_await with_peer(answers(three_of_ten, then::stay_open), [](std::string origin) -> task<> {
    http::client c(spoken());
    http::response r = co_await c.get(origin);
    EXPECT_EQ((co_await r.next_chunk()).size(), 3U);
    EXPECT_FALSE((co_await try_for(1ms, r.next_chunk())).has_value());
    co_await expect_no_clean_end(r);
    co_await expect_given_up(c);
  });
}

EVERY_VERSION(HttpBodyRead, ThatTookTooLongIsFollowedByNoCleanEnd) {
  co_await with_peer(answers(three_of_ten, then::stay_open), [](std::string origin) -> task<> {
    for (const phase p : {phase::read, phase::total}) {
      http::client c(spoken().timeout(p, 200ms));
      http::response r = co_await c.get(origin);
      const auto late = co_await caught<http::timeout_error>(r.text());
      EXPECT_TRUE(late && late->phase() == p);
      co_await expect_no_clean_end(r);
    }
  });
}

CONFORMANCE(HttpBodyRead, ThatLostItsConnectionIsFollowedByNoCleanEnd) {
  co_await with_peer(answers(three_of_ten), [](std::string origin) -> task<> {
    http::client c;
    http::response r = co_await c.get(origin);
    EXPECT_TRUE(co_await caught<http::body_error>(r.text()));
    co_await expect_no_clean_end(r);
  });
}

CONFORMANCE(HttpBodyRead, ThatFoundNoChunkIsFollowedByNoCleanEnd) {
  co_await with_peer(
      answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nx\r\n"),
      [](std::string origin) -> task<> {
        http::client c;
        http::response r = co_await c.get(origin);
        EXPECT_TRUE(co_await caught<http::protocol_error>(r.text()));
        co_await expect_no_clean_end(r);
      });
}

EVERY_VERSION(HttpBodyRead, ThatWasTooLargeIsFollowedByNoCleanEnd) {
  co_await with_peer(answers(three_of_ten, then::stay_open), [](std::string origin) -> task<> {
    http::client c(spoken().max_body(2));
    http::response r = co_await c.get(origin);
    const auto e = co_await caught<http::body_error>(r.text());
    EXPECT_TRUE(e && e->why() == http::body_error::reason::too_large);
    co_await expect_no_clean_end(r);
  });
}

CONFORMANCE(HttpBodyRead, PastTheEndIsTheEndAgain) {
  co_await with_peer(
      [](tcp_stream& s, int) -> task<> {
        net::buffered_reader in(s);
        while (!(co_await read_head(in)).empty()) co_await write_text(s, ok);
      },
      [](std::string origin) -> task<> {
        http::client c;
        for (const char* method : {"GET", "HEAD"}) {
          if (method == std::string("HEAD")) c.close_idle();
          http::response r = co_await c.send(http::request(method, origin));
          co_await r.text();
          EXPECT_EQ((co_await r.next_chunk()).size(), 0U);
          EXPECT_EQ(co_await r.text(), "");
        }
      });
}

EVERY_VERSION(HttpError, NamesARequestBodyThatIsNotAsLongAsItSaid) {
  co_await with_peer(silence, [](std::string origin) -> task<> {
    http::client c(spoken());
    for (const std::uint64_t said : {std::uint64_t{5}, std::uint64_t{3}}) {
      int taken = 0;
      const auto e = co_await caught<http::body_error>(
          c.send(http::request("PUT", origin + "/").body(counted_body("four", 1, taken), said)));
      EXPECT_TRUE(e);
      if (!e) co_return;
      EXPECT_EQ(e->why(), said == 5 ? http::body_error::reason::truncated
                                    : http::body_error::reason::too_large);
      co_await expect_given_up(c);
    }
  });
}

EVERY_VERSION(HttpError, PassesOnWhatARequestsBodyThrows) {
  co_await with_peer(silence, [](std::string origin) -> task<> {
    http::client c(spoken());
    auto source = http::make_body(
        []() -> task<std::optional<std::string>> { throw std::domain_error("no more"); });
    bool thrown = false;
    try {
      co_await c.send(http::request("PUT", origin + "/").body(std::move(source)));
    } catch (const std::domain_error&) {
      thrown = true;
    }
    EXPECT_TRUE(thrown);
    co_await expect_given_up(c);
  });
}

// An answer that comes before the request has gone (401, 413, …) counts for more than the write
// that failed.
CONFORMANCE(HttpError, DeliversAnAnswerThatEndedTheUpload) {
  co_await with_peer(
      [](tcp_stream& s, int) -> task<> {
        net::buffered_reader in(s);
        co_await read_head(in);
        co_await write_text(
            s,
            "HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno\n");
        co_await s.shutdown_write();
        co_await sleep_for(
            20ms);  // the answer arrives; then the unread upload resets the connection
      },
      [](std::string origin) -> task<> {
        http::client c;
        int taken = 0;
        http::response r =
            co_await c.send(http::request("PUT", origin + "/")
                                .body(counted_body(std::string(64 * 1024, 'x'), 500, taken)));
        EXPECT_EQ(r.status(), 413);
        EXPECT_LT(taken, 500);
        EXPECT_EQ(c.idle_connections(), 0U);
      });
}

EVERY_VERSION(HttpError, HidesTheUserinfoOfItsUrl) {
  const unserved_port port;
  const endpoint gone = port.at();
  http::client c(spoken());
  const auto e = co_await failure<http::error>(c, "http://user:secret@" + gone.to_string() + "/");
  EXPECT_TRUE(e);
  if (!e) co_return;
  EXPECT_EQ(std::string(e->what()).find("secret"), std::string::npos) << e->what();
  EXPECT_NE(e->url().find("***@"), std::string_view::npos) << e->url();
}

EVERY_VERSION(HttpError, IsNoneOfTheseWhenItIsCancelled) {
  co_await with_peer(silence, [](std::string origin) -> task<> {
    http::client c(spoken());
    bool caught_any = false;
    bool stopped = false;
    co_await with_task_group([&](task_group& g) -> task<> {
      auto h = g.spawn([&]() -> task<> {
        try {
          co_await c.get(origin);
        } catch (...) {
          caught_any = true;
        }
      });
      co_await sleep_for(5ms);
      h.cancel();
      stopped = (co_await h.join()).is_cancelled();
    });
    EXPECT_TRUE(stopped);
    EXPECT_FALSE(caught_any);
    co_await expect_given_up(c);
  });
}
