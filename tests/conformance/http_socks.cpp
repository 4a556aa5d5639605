// SOCKS5: the handshake by itself, against a proxy that says anything, and below the client.
#include "http/http_support.hpp"
#include "support/cancel_at_every_wait.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>
#include <rondo/net/parts/socks_client.hpp>

#include <array>

namespace http_socks_cases {

using namespace rondo;
using namespace rondo_test;
using namespace std::chrono_literals;
using net::socks_error;
using net::socks_options;

namespace {

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A proxy that keeps to the protocol, and keeps what it was told.
struct small_socks {
  std::string user;  // empty: it wants none
  std::string password;
  endpoint target;  // where every request leads
  std::vector<std::string> asked;
  std::vector<int> kinds;

  task<> operator()(tcp_stream& s, int) {
    net::buffered_reader in(s);
    std::string head = text_of(co_await in.read_exactly(2));
    const std::string methods =
        text_of(co_await in.read_exactly(static_cast<unsigned char>(head[1])));
    const char chosen = user.empty() ? '\0' : '\2';
    if (methods.find(chosen) == std::string::npos) {
      co_await write_text(s, "\5\xff");
      co_return;
    }
    const std::string choice{'\5', chosen};
    co_await write_text(s, choice);
    if (!user.empty() && !co_await knows(in, s)) co_return;
    head = text_of(co_await in.read_exactly(4));
    kinds.push_back(head[3]);
    std::size_t size = head[3] == 1 ? 4 : 16;
    if (head[3] == 3)
      size = static_cast<unsigned char>(text_of(co_await in.read_exactly(1)).front());
    asked.push_back(text_of(co_await in.read_exactly(size)));
    co_await in.read_exactly(2);
    tcp_stream onward = co_await tcp_stream::connect(target);
    // The reply and the target's first bytes may come together.
    co_await write_text(s, std::string_view("\5\0\0\1\1\2\3\4\0\x50", 10));
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> { co_await pump(s, onward); });
      co_await pump(onward, s);
      g.cancel();
    });
  }

 private:
  task<bool> knows(net::buffered_reader<tcp_stream>& in, tcp_stream& s) {
    std::string head = text_of(co_await in.read_exactly(2));
    const std::string who = text_of(co_await in.read_exactly(static_cast<unsigned char>(head[1])));
    const auto n = static_cast<unsigned char>(text_of(co_await in.read_exactly(1)).front());
    const std::string secret = text_of(co_await in.read_exactly(n));
    const bool known = head[0] == 1 && who == user && secret == password;
    const std::string verdict{'\1', known ? '\0' : '\1'};
    co_await write_text(s, verdict);
    co_return known;
  }
  static task<> pump(tcp_stream& from, tcp_stream& to) {
    std::vector<std::byte> room(4096);
    while (const std::size_t n = co_await from.read_some(room))
      co_await to.write_all(std::span(room).first(n));
  }
};

// Runs body(endpoint of the proxy) beside one.
template <class Body>
task<> with_socks(small_socks& p, Body body) {
  co_await with_peer(
      [&](tcp_stream& s, int n) -> task<> { co_await p(s, n); },
      [&](std::string at) -> task<> { co_await body(endpoint::parse(at.substr(7))); });
}

// Answers whatever comes with `said`, a piece at a time, and closes.
struct scripted_socks {
  std::vector<std::string> said;

  task<> operator()(tcp_stream& s, int) const {
    std::array<std::byte, 1024> room{};
    for (const std::string& piece : said) {
      if (co_await s.read_some(room) == 0) co_return;
      co_await write_text(s, piece);
    }
    co_await s.shutdown_write();
    co_await until_closed(s);
  }
};

using namespace std::string_literals;

// What the proxy says to the greeting, to the login, to the request; and what becomes of it.
struct hostile {
  std::vector<std::string> said;
  int error;
  const char* words;
  bool with_login = false;
};
const std::string no_login = "\5\0"s;
const std::vector<hostile> table{
    {{}, ECONNRESET, "closed the connection"},
    {{"\5"s}, ECONNRESET, "closed the connection"},
    {{"\4\0"s}, EPROTO, "does not speak version 5"},
    {{"HTTP/1.1 400 Bad Request\r\n\r\n"s}, EPROTO, "(HTTP?)"},
    {{"\5\xff"s}, EACCES, "wants a login"},
    {{"\5\xff"s}, EACCES, "neither a password nor none", true},
    {{"\5\2"s}, EPROTO, "method 2, which was not offered"},
    {{"\5\1"s}, EPROTO, "method 1, which was not offered", true},
    {{"\5\2"s, "\1\1"s}, EACCES, "refuses the user or the password", true},
    {{"\5\2"s, "\5\0"s}, EPROTO, "a login's answer of version 5", true},
    {{"\5\2"s}, ECONNRESET, "closed the connection", true},
    {{no_login}, ECONNRESET, "closed the connection"},
    {{no_login, "\4\0\0\1"s}, EPROTO, "a reply of version 4"},
    {{no_login, "\5\1\0\1"s}, EIO, "general failure"},
    {{no_login, "\5\2\0\1"s}, EACCES, "do not allow"},
    {{no_login, "\5\3\0\1"s}, ENETUNREACH, "network unreachable"},
    {{no_login, "\5\4\0\1"s}, EHOSTUNREACH, "host unreachable"},
    {{no_login, "\5\5\0\1"s}, ECONNREFUSED, "target.test:80"},
    {{no_login, "\5\6\0\1"s}, ETIMEDOUT, "TTL"},
    {{no_login, "\5\7\0\1"s}, EOPNOTSUPP, "command"},
    {{no_login, "\5\x8\0\1"s}, EAFNOSUPPORT, "address type"},
    {{no_login, "\5\x9\0\1"s}, EPROTO, "unknown code 9"},
    {{no_login, "\5\xff\0\1"s}, EPROTO, "unknown code 255"},
    {{no_login, "\5\0\1\1"s}, EPROTO, "reserved"},
    {{no_login, "\5\0\0\2"s}, EPROTO, "kind 2"},
    {{no_login, "\5\0\0"s}, ECONNRESET, "closed the connection"},
    {{no_login, "\5\0\0\1\1\2\3\4\0"s}, ECONNRESET, "closed the connection"},
    {{no_login, "\5\0\0\4\1\2\3"s}, ECONNRESET, "closed the connection"},
    {{no_login, "\5\0\0\3\xff short"s}, ECONNRESET, "closed the connection"},
};

socks_options login_if(bool wanted) {
  socks_options o;
  if (wanted) o.login("user", "pass");
  return o;
}

}  // namespace

CONFORMANCE(Socks, LeadsToATarget) {
  tcp_listener listener = listen_here();
  small_socks p{.target = listener.local_endpoint()};
  co_await with_socks(p, [&](endpoint at) -> task<> {
    co_await with_task_group([&](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        for (int i = 0; i < 3; ++i) {
          tcp_stream s = co_await listener.accept();
          co_await write_text(s, "first");  // the target speaks before it is asked
          EXPECT_EQ(co_await read_text(s, 4), "ping");
        }
      });
      for (const char* host : {"target.test", "192.0.2.1", "2001:db8::1"}) {
        tcp_stream s = co_await net::connect_by_socks(at.ip().to_string(), at.port(), host, 80);
        EXPECT_EQ(co_await read_text(s, 5), "first");
        co_await write_text(s, "ping");
      }
    });
  });
  EXPECT_EQ(p.kinds, (std::vector<int>{3, 1, 4}));
  EXPECT_EQ(p.asked.front(), "target.test");
  EXPECT_EQ(p.asked.at(1), "\xc0\0\2\1"s);
}

CONFORMANCE(Socks, LogsInWhereItIsAskedTo) {
  tcp_listener listener = listen_here();
  small_socks p{.user = "us\xc3\xa9r", .password = "pass", .target = listener.local_endpoint()};
  co_await with_socks(p, [&](endpoint at) -> task<> {
    const auto connect = [&](const socks_options& o) {
      return net::connect_by_socks(at.ip().to_string(), at.port(), "target.test", 80, o);
    };
    EXPECT_TRUE((co_await connect(socks_options().login("us\xc3\xa9r", "pass"))).is_open());
    const auto wrong = co_await caught<socks_error>(connect(socks_options().login("x", "pass")));
    EXPECT_TRUE(wrong && wrong->code() == system_code(EACCES));
    const auto none = co_await caught<socks_error>(connect({}));
    EXPECT_TRUE(none && none->code() == system_code(EACCES));
  });
}

CONFORMANCE(Socks, GivesWhereTheProxyConnectedFrom) {
  for (const auto& [reply, expected] : std::vector<std::pair<std::string, endpoint>>{
           {"\5\0\0\1\1\2\3\4\0\x50"s, endpoint::parse("1.2.3.4:80")},
           {"\5\0\0\4\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1\1\xbb"s,
            endpoint::parse("[2001:db8::1]:443")},
           {"\5\0\0\3\4name\0\x50"s, endpoint()},
           {"\5\0\0\3\0\0\x50"s, endpoint()}}) {
    co_await with_peer(scripted_socks{{no_login, reply}}, [&](std::string at) -> task<> {
      tcp_stream s = co_await tcp_stream::connect(endpoint::parse(at.substr(7)));
      EXPECT_EQ(co_await net::socks_handshake(s, "target.test", 80), expected);
    });
  }
}

CONFORMANCE(Socks, NamesWhatAProxySaysWrong) {
  for (const hostile& h : table) {
    co_await with_peer(scripted_socks{h.said}, [&](std::string at) -> task<> {
      tcp_stream s = co_await tcp_stream::connect(endpoint::parse(at.substr(7)));
      const auto e = co_await caught<socks_error>(
          net::socks_handshake(s, "target.test", 80, login_if(h.with_login)));
      EXPECT_TRUE(e.has_value()) << h.words;
      if (!e) co_return;
      EXPECT_EQ(e->code(), system_code(h.error)) << e->what();
      EXPECT_NE(e->reason().find(h.words), std::string::npos) << e->what();
    });
  }
}

TEST(Socks, RefusesWhatTheProtocolHasNoRoomFor) {
  using net::detail::socks_client;
  using net::detail::socks_login;
  const std::string longest(255, 'x');
  EXPECT_NO_THROW(socks_client(longest, 1, socks_login{longest, longest}));
  EXPECT_THROW(socks_client(longest + 'x', 1, std::nullopt), std::invalid_argument);
  EXPECT_THROW(socks_client("", 1, std::nullopt), std::invalid_argument);
  EXPECT_THROW(socks_client("a\0b"s, 1, std::nullopt), std::invalid_argument);
  EXPECT_THROW(socks_client("h", 1, socks_login{"", "p"}), std::invalid_argument);
  EXPECT_THROW(socks_client("h", 1, socks_login{"u", longest + 'x'}), std::invalid_argument);
}

// Over a stream that moves a byte at a time, as over any other.
TEST(Socks, WorksAByteAtATime) {
  simulate([]() -> task<> {
    auto [client, proxy] = net::make_memory_streams(1024, 1);
    co_await with_task_group([&, &client = client, &proxy = proxy](task_group& g) -> task<> {
      g.spawn([&]() -> task<> {
        net::buffered_reader in(proxy);
        EXPECT_EQ(text_of(co_await in.read_exactly(3)), "\5\1\0"s);
        co_await proxy.write_all(bytes_of(no_login));
        EXPECT_EQ(text_of(co_await in.read_exactly(18)), "\5\1\0\3\13target.test\0\x50"s);
        const std::string reply = "\5\0\0\1\1\2\3\4\0Pbeyond"s;
        co_await proxy.write_all(bytes_of(reply));
      });
      co_await net::socks_handshake(client, "target.test", 80);
      std::array<std::byte, 6> next{};
      std::size_t n = 0;
      while (n < next.size()) n += co_await client.read_some(std::span(next).subspan(n));
      EXPECT_EQ(text_of(next), "beyond");
    });
  });
}

CONFORMANCE_RUNS(CancelEveryWait, Socks) {
  const auto n = cancel_at_every_wait(reactor, []() -> task<> {
    tcp_listener listener = listen_here();
    small_socks p{.user = "user", .password = "pass", .target = listener.local_endpoint()};
    co_await with_socks(p, [&](endpoint at) -> task<> {
      tcp_stream s = co_await net::connect_by_socks(at.ip().to_string(), at.port(), "target.test",
                                                    80, login_if(true));
      EXPECT_TRUE(s.is_open());
    });
  });
  EXPECT_GE(n.at_rest, 5U);
}

// --- below the client ---

EVERY_VERSION(HttpSocks, CarriesRequestsAsTheyAre) {
  http::server server;
  std::string seen;
  server.route("GET", "/x", [&](http::server_request& r) -> task<http::server_response> {
    seen = std::string(r.headers().wire());
    co_return http::server_response::text("through");
  });
  co_await with_server(server, [&](std::string, endpoint target) -> task<> {
    small_socks p{.user = "user", .password = "p:ss", .target = target};
    co_await with_socks(p, [&](endpoint at) -> task<> {
      http::client c(spoken().proxy(http::proxy("socks5h://user:p%3Ass@" + at.to_string())));
      EXPECT_EQ(co_await get_text(c, "http://target.test/x"), "through");
      EXPECT_EQ(co_await get_text(c, "http://target.test/x"), "through");
      EXPECT_EQ(c.open_connections(), 1U);
      c.close_idle();
      http::client here(spoken().proxy(http::proxy("SOCKS5://user:p%3Ass@" + at.to_string())));
      EXPECT_EQ(co_await get_text(here, "http://localhost:8080/x"), "through");
      here.close_idle();
      http::client stranger(spoken().proxy(http::proxy("socks5h://" + at.to_string())));
      const auto e = co_await caught<http::connect_error>(stranger.get("http://target.test/x"));
      EXPECT_TRUE(e && e->phase() == http::phase::proxy && e->code() == system_code(EACCES));
      EXPECT_EQ(stranger.open_connections(), 0U);
    });
    EXPECT_EQ(p.asked.size(), 2U);
    EXPECT_EQ(p.asked.front(), "target.test");
    EXPECT_NE(p.kinds.back(), 3);  // the name was looked up here
    EXPECT_EQ(seen.find("uthorization"), std::string::npos) << seen;
  });
}

CONFORMANCE(HttpSocks, NamesWhatAProxySaysWrong) {
  for (const hostile& h : table) {
    if (h.with_login) continue;
    co_await with_peer(scripted_socks{h.said}, [&](std::string at) -> task<> {
      http::client c(http::client_options().proxy(http::proxy("socks5h://" + at.substr(7))));
      const auto e = co_await caught<http::connect_error>(c.get("http://target.test/"));
      EXPECT_TRUE(e && e->phase() == http::phase::proxy) << h.words;
      if (e) {
        EXPECT_EQ(e->code(), system_code(h.error)) << e->what();
        EXPECT_NE(std::string_view(e->what()).find(h.words), std::string_view::npos) << e->what();
      }
    });
  }
}

TEST(HttpSocks, ReadsItsUrl) {
  const http::url plain = http::url::parse("http://a/");
  const http::url secure = http::url::parse("https://a/");
  const http::proxy p("socks5://h");
  EXPECT_EQ(p.for_target(plain)->port(), 1080);
  EXPECT_EQ(p.kind_for(plain), http::proxy_kind::socks5);
  EXPECT_EQ(p.kind_for(secure), http::proxy_kind::socks5);
  EXPECT_TRUE(p.tunnels(plain));
  EXPECT_EQ(http::proxy("socks5h://h:80").for_target(plain)->port(), 80);
  EXPECT_EQ(http::proxy("socks5h://u:p@[::1]/").for_target(plain)->port(), 1080);
  EXPECT_EQ(http::proxy("socks5h://u:p@[::1]:9050").for_target(plain)->port(), 9050);
  EXPECT_EQ(http::proxy("h:1").kind_for(plain), http::proxy_kind::http);
  EXPECT_FALSE(http::proxy("h:1").tunnels(plain));
  for (const char* bad : {"socks4://h", "socks://h", "socks5://", "socks5://u@h", "socks5://:p@h"})
    EXPECT_THROW(http::proxy{bad}, http::url_error) << bad;
}

}  // namespace http_socks_cases
