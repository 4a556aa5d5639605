// An echo by WebSocket behind Digest (RFC 7616), for clients that open it: over HTTP/1.1 and over
// HTTP/2, whose CONNECT the route sees as the GET that it stands for.
#pragma once

#include "http/http_support.hpp"
#include "http/websocket_support.hpp"

#include <rondo/http/client/digest.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rondo_test {

struct guarded_echo {
  http::server server;
  std::vector<std::string> answers;  // what each request brought as Authorization
  std::uint32_t taken = 0;           // how often the nonce was used well

  guarded_echo() {
    server.route("GET", "/guarded", [this](http::server_request& r) -> rondo::task<response> {
      if (is_right(
              std::string(answers.emplace_back(r.headers().get("Authorization").value_or("")))))
        co_return http::accept_websocket(r, echo_messages);
      co_return response::text("who are you", 401)
          .header("WWW-Authenticate",
                  "Digest realm=\"r\", qop=\"auth\", algorithm=SHA-256, nonce=\"n1\"");
    });
  }

 private:
  using response = http::server_response;

  bool is_right(const std::string& answer) {
    const auto given = http::detail::read_digest_authorization(answer);
    if (!given) return false;
    std::string cnonce;
    for (const auto& [name, value] : *given)
      if (name == "cnonce") cnonce = value;
    const http::detail::digest_challenge c{.realm = "r",
                                           .nonce = "n1",
                                           .opaque = "",
                                           .algorithm = "SHA-256",
                                           .domain = "",
                                           .sha256 = true,
                                           .qop_auth = true};
    if (http::detail::digest_authorization(c, "u", "p", "GET", "/guarded", cnonce, taken + 1) !=
        answer)
      return false;
    ++taken;
    return true;
  }
};

// `c` has the credentials and speaks what it likes: it is asked once, and then answers unasked.
inline rondo::task<> open_guarded_echoes(http::client& c, guarded_echo& g, std::string url) {
  for (const std::size_t requests : {2U, 3U}) {
    http::websocket ws = co_await c.websocket(url);
    co_await ws.send("hello");
    const auto m = co_await ws.receive();
    EXPECT_TRUE(m && m->data == "hello");
    co_await ws.close();
    EXPECT_EQ(g.answers.size(), requests);
  }
  EXPECT_EQ(g.answers.front(), "");
  EXPECT_EQ(g.taken, 2U);
}

// With credentials that are refused: told as any answer that is no WebSocket, after one try.
inline rondo::task<> be_refused_by_guarded_echo(guarded_echo& g, http::client_options o,
                                                std::string url) {
  g.answers.clear();
  http::client c(o.digest_auth("u", "wrong"));
  const auto e = co_await caught<http::status_error>(c.websocket(url));
  EXPECT_TRUE(e && e->status() == 401);
  EXPECT_EQ(g.answers.size(), 2U);
}

}  // namespace rondo_test
