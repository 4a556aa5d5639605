#include "fuzz/targets.hpp"

#include <rondo/http/client/digest.hpp>
#include <rondo/http/client/redirect.hpp>
#include <rondo/http/cookies.hpp>
#include <rondo/http/errors.hpp>
#include <rondo/http/event.hpp>
#include <rondo/http/http2/session.hpp>
#include <rondo/http/websocket/engine.hpp>
#include <rondo/http/wire/decode.hpp>
#include <rondo/http/wire/event_parser.hpp>
#include <rondo/http/wire/forwarded.hpp>
#include <rondo/http/wire/multipart_scan.hpp>
#include <rondo/http/wire/parser.hpp>
#include <rondo/http/wire/proxy_header.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>

namespace rondo_test::fuzz {
namespace {

namespace http = rondo::http;

void must(bool held, const char* promise, std::string_view input) {
  if (held) return;
  std::fprintf(stderr, "broken: %s\ninput:", promise);
  for (const char c : input) std::fprintf(stderr, " %02x", static_cast<unsigned char>(c));
  std::fprintf(stderr, "\n");
  std::abort();
}

// Takes choices from the front of the input.
unsigned choose(std::string_view& input) {
  if (input.empty()) return 0;
  const auto c = static_cast<unsigned char>(input.front());
  input.remove_prefix(1);
  return c;
}

std::span<const std::byte> bytes(std::string_view s) {
  return std::as_bytes(std::span(s.data(), s.size()));
}

bool has_control(std::string_view s) {
  return std::ranges::any_of(
      s, [](char c) { return c == '\r' || c == '\n' || c == '\0' || c == '\x7f'; });
}

std::string start_line(const http::request_head& head) { return head.method + ' ' + head.target; }
std::string start_line(const http::response_head& head) {
  return std::to_string(head.status) + ' ' + head.reason;
}

// What a parser makes of a stream that comes in pieces: heads, bodies put together, and the error.
template <class Parser>
std::string heard_by(Parser p, std::string_view stream, std::size_t piece) {
  std::string log;
  try {
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      std::string_view input = stream.substr(at, piece);
      for (;;) {
        const http::parse_step step = p.next(bytes(input));
        input.remove_prefix(step.consumed);
        if (step.event == http::parse_event::head) {
          log += "head " + start_line(p.head()) + '\n';
          log += p.head().headers.wire();
        }
        if (step.event == http::parse_event::body)
          log.append(reinterpret_cast<const char*>(step.body.data()), step.body.size());
        if (step.event == http::parse_event::end) {
          log += "end\n";
          log += p.trailers().wire();
          if constexpr (requires { p.hands_over(); })
            if (p.hands_over()) return log;
        }
        if (step.event == http::parse_event::need_more) break;
      }
    }
    p.finish();
    log += "finished";
  } catch (const http::error& e) {
    log += "error ";
    log += e.message();
  }
  return log;
}

std::string heard(std::string_view method, std::string_view stream, std::size_t piece) {
  http::response_parser p;
  p.expect(method);
  return heard_by(std::move(p), stream, piece);
}

// The first head of the stream, where the body ends and whether another may follow; nothing when it
// is refused.
std::string understood(std::string_view stream) {
  std::string log;
  try {
    http::request_parser p;
    if (p.next(bytes(stream)).event != http::parse_event::head) return log;
    http::write_head(log, p.head());
    log += std::to_string(static_cast<int>(p.framing())) + ' ' +
           std::to_string(p.content_length().value_or(0)) + (p.keep_alive() ? " more" : " last");
  } catch (const http::error&) {
    log.clear();
  }
  return log;
}

void request(std::string_view input) {
  const std::size_t piece = choose(input) % 40 + 1;
  const std::string whole = heard_by(http::request_parser(), input, input.size() + 1);
  must(heard_by(http::request_parser(), input, piece) == whole,
       "requests are the same however they are split", input);
  must(heard_by(http::request_parser(), input, 1) == whole, "requests are the same byte by byte",
       input);
  const std::string once = understood(input);
  must(understood(once) == once, "a request that is taken and sent on is the same request", input);
}

void response(std::string_view input) {
  static constexpr const char* methods[] = {"GET", "HEAD", "CONNECT", "POST"};
  const char* method = methods[choose(input) % 4];
  const std::size_t piece = choose(input) % 40 + 1;
  const std::string whole = heard(method, input, input.size() + 1);
  must(heard(method, input, piece) == whole, "the verdict is the same however the input is split",
       input);
  must(heard(method, input, 1) == whole, "the verdict is the same byte by byte", input);
}

void chunked(std::string_view input) {
  const std::size_t piece = choose(input) % 40 + 1;
  const std::string stream =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(input);
  const std::string whole = heard("GET", stream, stream.size());
  must(heard("GET", stream, piece) == whole, "chunks are the same however they are split", input);
  must(heard("GET", stream, 1) == whole, "chunks are the same byte by byte", input);
}

std::optional<http::url> parsed(std::string_view text) {
  try {
    return http::url::parse(text);
  } catch (const http::url_error& e) {
    must(!has_control(e.what()), "an error shows no control byte", text);
    return std::nullopt;
  }
}

void url(std::string_view input) {
  const auto u = parsed(input);
  if (!u) return;
  must(!has_control(u->href()) && u->href().find(' ') == std::string::npos,
       "a URL can stand in a request line", input);
  must(!u->host().empty() && u->path().starts_with('/'), "a URL has a host and a path", input);
  const auto again = parsed(u->href());
  must(again && *again == *u, "the normal form is a fixed point", input);
  must(u->without_credentials().origin() == u->origin() &&
           !u->without_credentials().has_credentials(),
       "credentials come off and nothing else", input);
}

void set_cookie(std::string_view input) {
  const http::url from = http::url::parse("https://www.example.com/a/b");
  http::cookie_jar jar;
  jar.store(from, input);
  must(jar.size() <= 1, "one field sets one cookie", input);
  must(jar.header_for(http::url::parse("https://example.org/a/b")).empty() &&
           jar.header_for(http::url::parse("https://notexample.com/a/b")).empty(),
       "a cookie goes to no foreign host", input);
  const std::string sent = jar.header_for(from);
  must(!has_control(sent) && sent.find(';') == std::string::npos,
       "a cookie is one pair and no line", input);
  const bool secure = jar.size() == 1 && jar.all()[0].secure;
  must(!secure || jar.header_for(http::url::parse("http://www.example.com/a/b")).empty(),
       "a secure cookie goes over https alone", input);
  http::cookie_jar loaded;
  loaded.load(jar.save());
  must(loaded.header_for(from) == sent || jar.save().find('\n') + 1 == jar.save().size(),
       "what is saved is loaded", input);
}

void redirect(std::string_view input) {
  static constexpr const char* methods[] = {"GET", "HEAD", "POST", "PUT", "DELETE"};
  static constexpr int codes[] = {301, 302, 303, 307, 308};
  static constexpr const char* origins[] = {"http://a.test/x", "https://a.test/x",
                                            "https://u:p@a.test:8443/x#f"};
  const std::string method = methods[choose(input) % 5];
  const int status = codes[choose(input) % 5];
  const unsigned how = choose(input);
  const http::url from = http::url::parse(origins[how % 3]);
  const bool may_leave_https = (how & 128) != 0;
  http::headers response;
  try {
    response.add("Location", input);
  } catch (const std::invalid_argument&) {
    return;  // no response can carry it
  }
  std::optional<http::detail::redirect_plan> plan;
  try {
    plan = http::detail::plan_redirect(method, from, status, response, may_leave_https);
  } catch (const http::redirect_error&) {
    return;
  }
  must(plan.has_value(), "a Location is followed or refused", input);
  const http::url& to = plan->url;
  must(to.scheme() == "http" || to.scheme() == "https", "redirects stay with http", input);
  must(!to.has_credentials(), "a redirect brings no credentials", input);
  must(may_leave_https || !from.is_secure() || to.is_secure(), "https is not left", input);
  http::headers request{
      {"Authorization", "s"}, {"Cookie", "s"}, {"Proxy-Authorization", "s"}, {"Content-Type", "t"}};
  http::detail::strip_fields(request, *plan);
  const bool same =
      to.scheme() == from.scheme() && to.host() == from.host() && to.port() == from.port();
  must(same == request.contains("authorization") && same == request.contains("cookie") &&
           same == request.contains("proxy-authorization"),
       "no secret crosses an origin, and none is lost within one", input);
  must(plan->method == method || (plan->method == "GET" && !request.contains("content-type")),
       "only GET takes another method's place, and without a body", input);
}

std::string decoded(const char* coding, std::string_view input, std::size_t piece) {
  constexpr std::uint64_t limit = 1 << 20;
  std::string out;
  try {
    http::detail::body_decoder d({coding}, limit);
    for (std::size_t at = 0; at < input.size(); at += piece) {
      d.give(bytes(input.substr(at, piece)));
      for (;;) {
        const auto [part, wants_input] = d.next();
        if (wants_input) break;
        out.append(reinterpret_cast<const char*>(part.data()), part.size());
      }
    }
    d.finish();
    must(out.size() <= limit, "a decoded body keeps to its limit", input);
    return "whole " + out;
  } catch (const http::body_error& e) {
    return e.why() == http::body_error::reason::too_large ? "too large" : "bad";
  }
}

void decode(std::string_view input) {
  static constexpr const char* codings[] = {"gzip", "deflate", "br", "zstd"};
  const char* coding = codings[choose(input) % 4];
  const std::size_t piece = choose(input) % 40 + 1;
  must(decoded(coding, input, piece) == decoded(coding, input, input.size() + 1),
       "a body decodes the same however it is split", input);
}

void challenge(std::string_view input) {
  http::headers response;
  try {
    response.add("WWW-Authenticate", input);
  } catch (const std::invalid_argument&) {
    return;  // no response can carry it
  }
  response.add("WWW-Authenticate", "Digest realm=\"r\", nonce=\"n\", algorithm=SHA-256");
  const auto found = http::detail::find_digest_challenge(response);
  must(found && found->sha256, "what one field holds hides nothing of another", input);
#ifdef RONDO_HAVE_TLS
  const std::string answer =
      http::detail::digest_authorization(*found, "u", "p", "GET", "/", "c", 1);
  must(!has_control(answer), "an answer is no line", input);
  const http::headers echo{{"WWW-Authenticate", answer + ", qop=auth"}};
  const auto again = http::detail::find_digest_challenge(echo);
  must(again && again->realm == found->realm && again->nonce == found->nonce &&
           again->opaque == found->opaque,
       "what is quoted is read as it was", input);
#endif
}

// What a multipart body is taken for, in pieces of `size`; "refused" when it is none.
std::string parts_of(std::string_view body, std::size_t size) {
  std::string out;
  try {
    http::detail::multipart_scan scan("XX", {.parts = 8, .head_bytes = 256, .part_bytes = 4096});
    for (;;) {
      switch (scan.next()) {
        case http::detail::multipart_event::need_more: {
          const std::string_view piece = body.substr(0, size);
          body.remove_prefix(piece.size());
          if (piece.empty()) scan.finish();
          scan.give(std::as_bytes(std::span(piece)));
          break;
        }
        case http::detail::multipart_event::part:
          out += '<' + scan.part().name + '|' + scan.part().filename.value_or("") + '>';
          must(scan.part().filename.value_or("").find('/') == std::string::npos,
               "a file's name is no path", body);
          break;
        case http::detail::multipart_event::data: out += scan.data(); break;
        case http::detail::multipart_event::part_end: out += "</>"; break;
        case http::detail::multipart_event::end: return out;
      }
    }
  } catch (const http::body_error&) {
    return "refused";
  }
}

// The first byte chooses the pieces.
void multipart(std::string_view input) {
  if (input.empty()) return;
  const std::size_t size = static_cast<unsigned char>(input.front()) % 32 + 1;
  input.remove_prefix(1);
  must(parts_of(input, size) == parts_of(input, input.size() + 1),
       "a body is the same however it comes", input);
}

std::string with(std::initializer_list<int> choices, std::string_view rest) {
  std::string s;
  for (const int c : choices) s += static_cast<char>(c);
  return s += rest;
}

// What a reader of events makes of a stream that comes in pieces.
std::string events_heard(std::string_view stream, std::size_t piece) {
  std::string log;
  http::detail::event_parser p({.line_bytes = 64, .event_bytes = 48, .id_bytes = 16});
  try {
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      std::string_view input = stream.substr(at, piece);
      while (const auto e = p.next(input)) {
        must(e->type.size() + e->data.size() <= 48 + 7 && e->id.size() <= 16,
             "an event is within its limits", stream);
        must(!has_control(e->id) || e->id.find('\x7f') != std::string::npos,
             "an id is no two lines", stream);
        log += e->type + '|' + e->data + '|' + e->id + '\n';
      }
      must(input.empty(), "without an event, all of the input is taken", stream);
    }
    log += "last " + p.last_event_id();
    if (p.retry()) log += " retry " + std::to_string(p.retry()->count());
  } catch (const http::protocol_error& e) {
    log += "error ";
    log += e.message();
  }
  return log;
}

void event_stream(std::string_view input) {
  const std::size_t piece = choose(input) % 16 + 1;
  const std::string whole = events_heard(input, input.size() + 1);
  must(events_heard(input, piece) == whole, "a stream of events is the same however it is split",
       input);
  must(events_heard(input, 1) == whole, "and byte by byte", input);

  // What is written comes back: the data with LF for each of its line ends.
  http::event e;
  e.data(input).comment(input);
  std::string expected(input);
  for (std::size_t at = 0; (at = expected.find('\r', at)) != std::string::npos; ++at)
    expected.replace(at, expected.substr(at, 2) == "\r\n" ? 2 : 1, "\n");
  http::detail::event_parser p;
  const std::string stream = e.text() + "\n";
  std::string_view left = stream;
  const auto back = p.next(left);
  must(back && back->data == expected && back->type == "message" && left.empty(),
       "an event comes back as it was written", input);
}

// What an engine says of a stream in pieces, and what it answers by itself.
std::string websocket_heard(std::string_view stream, std::size_t piece, unsigned kind) {
  using http::detail::engine;
  http::detail::engine e((kind & 1) != 0 ? http::detail::side::client : http::detail::side::server,
                         {.message_bytes = 1000, .fragments = 5, .smallest_compressed = 1});
  if ((kind & 2) != 0 && http::detail::has_deflate())
    e.set_deflate({.send_takeover = (kind & 4) != 0, .receive_takeover = (kind & 4) != 0});
  std::string log;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    std::string part(stream.substr(at, piece));
    std::span<std::byte> input = std::as_writable_bytes(std::span(part));
    for (;;) {
      const engine::step s = e.take(input);
      if (s == engine::step::more) break;
      if (s == engine::step::message) {
        must(e.message().size() <= 1000, "a message keeps its limit", stream);
        must(!e.is_text() || http::detail::is_utf8(std::as_bytes(std::span(e.message()))),
             "a text is UTF-8", stream);
        log += e.is_text() ? "text " : "bytes ";
        log += e.message() + '\n';
      } else if (s == engine::step::pong) {
        log += "pong " + std::string(e.pong_payload()) + '\n';
      } else {
        log += (s == engine::step::closed ? "closed " : "failed ") + std::to_string(e.code());
        must(e.close_was_put(), "a Close is answered, and so is a broken rule", stream);
        return log + e.reason();
      }
    }
  }
  return log;
}

void websocket(std::string_view input) {
  const unsigned kind = choose(input);
  const std::size_t piece = choose(input) % 16 + 1;
  const std::string whole = websocket_heard(input, input.size() + 1, kind);
  must(websocket_heard(input, piece, kind) == whole, "a WebSocket is the same however it is split",
       input);
  must(websocket_heard(input, 1, kind) == whole, "and byte by byte", input);
}

#ifdef RONDO_HAVE_HTTP2

// What a server makes of what a client says behind its preface, in pieces: which requests came, and
// how it ended. `acting`: streams are taken, read, answered, reset and left in between.
std::string http2_heard(std::string_view stream, std::size_t piece, bool acting) {
  using namespace http::detail;
  http2_settings settings;
  settings.streams = 10;
  settings.stream_window = 1000;
  settings.connection_window = 70'000;
  settings.buffered = 2000;
  settings.head_bytes = 1000;
  settings.fields = 10;
  settings.resets = 20;
  http2_session s(http2_role::server, settings);
  std::string log;
  std::vector<http2_stream_ref> taken;
  const auto hear = [&] {
    while (http2_stream_ref r = s.accept()) {
      log += std::to_string(r->id()) + (r->head_too_large() ? " large " : " ") + r->head().method;
      taken.push_back(std::move(r));
    }
  };
  const auto answer = [&] {
    for (int n = 0; n < 100; ++n) {
      const std::size_t size = s.unsent().size();
      if (size == 0) return;
      must(size <= 80'000, "one write has its limit", stream);
      s.sent(size);
    }
  };
  s.receive(bytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), {});
  unsigned turn = 0;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    s.receive(bytes(stream.substr(at, piece)), {});
    must(s.buffered() <= settings.buffered + settings.connection_window,
         "what is buffered keeps its limit", stream);
    if (!acting) continue;
    hear();
    for (http2_stream_ref& r : taken) {
      if (!r) continue;
      switch (++turn % 7) {
        case 0: r->reset(http2_code::cancel); break;
        case 1: r.drop(); break;
        case 2: must(r->take_body().size() <= 1000, "a stream keeps its window", stream); break;
        case 3:
          if (r->all_sent() || r->out_ended() || r->moved() > 0 || r->unsent() > 0) break;
          if (turn < 20) r->send_head(http2_response_head(200, {}), true);
          break;
        default: break;
      }
    }
    answer();
  }
  hear();
  answer();
  must(s.places() <= 11, "places keep their limit", stream);
  taken.clear();
  answer();
  must(s.buffered() == 0, "what nobody will read is not kept", stream);
  // Behind a GOAWAY libnghttp2 looks only at what came in one piece with it.
  if (s.goaway_came()) return "left";
  return log + (s.failed() ? " failed " + std::string(to_string(s.failure())) : "");
}

void http2(std::string_view input) {
  const std::size_t piece = choose(input) % 32 + 1;
  const std::string whole = http2_heard(input, input.size() + 1, false);
  must(http2_heard(input, piece, false) == whole, "HTTP/2 is the same however it is split", input);
  must(http2_heard(input, 1, false) == whole, "and byte by byte", input);
  (void)http2_heard(input, piece, true);
}

#endif

// "refused", "more", or the source and how many bytes it took; in pieces of what is asked for, or
// of one byte.
std::string proxied(std::string_view stream, bool as_asked) {
  std::size_t at = 0;
  try {
    for (;;) {
      const http::detail::proxy_header h = http::detail::read_proxy_header(stream.substr(0, at));
      if (h.complete)
        return (h.source ? h.source->to_string() : "itself") + ' ' + std::to_string(at);
      must(h.wants > 0 && at + h.wants <= http::detail::proxy_v2_bytes,
           "what is asked for ends within a header", stream);
      const std::size_t next = at + (as_asked ? h.wants : 1);
      if (next > stream.size()) return "more";
      at = next;
    }
  } catch (const http::protocol_error&) {
    return "refused";
  }
}

void proxy_header(std::string_view input) {
  const std::string asked = proxied(input, true);
  const std::string each = proxied(input, false);
  // What is asked for beyond the end of the input may be the difference.
  if (asked != "more") must(asked == each, "a header is the same however it comes", input);
  for (const auto& node : http::detail::read_forwarded(input))
    if (node) must(node->is_ip(), "a forwarded node is an address", input);
  for (const auto& node : http::detail::read_x_forwarded_for(input))
    if (node)
      must(http::detail::read_forwarded_node(node->to_string()) == node,
           "a node is read as it is written", input);
}

}  // namespace

const std::vector<target>& targets() {
  using namespace std::string_literals;
  static const std::vector<target> all{
      {"request",
       &request,
       {with({3}, "GET /a?b HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: b:80\r\n\r\n"),
        with({0},
             "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.0\r\n\r\n"),
        with({7},
             "POST / HTTP/1.1\r\nHost:\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nT: "
             "v\r\n\r\n"),
        with({1}, "\r\n\r\nCONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n\x16\x03"),
        with({5}, "OPTIONS * HTTP/1.1\r\nHost: [::1]\r\nConnection: keep-alive, close\r\n\r\n"),
        with({2},
             "PUT http://a/ HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1, "
             "1\r\n\r\nx"),
        with({4}, "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n")}},
      {"response",
       &response,
       {with({0, 3}, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
        with({1, 7}, "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"),
        with({0, 5}, "HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 204 No\r\n\r\n"),
        with({2, 2}, "HTTP/1.1 200 OK\r\n\r\nraw bytes"),
        with({0, 9}, "HTTP/1.0 200 OK\r\nX: a\r\n folded\r\n\r\nuntil close"),
        with({0, 1}, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"),
        with({0, 1}, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx"),
        with({3, 1}, "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\nz")}},
      {"chunked",
       &chunked,
       {with({0}, "5\r\nhello\r\n0\r\n\r\n"),
        with({3}, "1;a=\"q\\\"x\";b\r\nx\r\n0\r\nT: v\r\n\r\n"), with({1}, "FFFFFFFFFFFFFFFF\r\n"),
        with({2}, "0\r\n\r\nextra"), with({9}, "5 \r\nhello\r\n"),
        with({4}, "5 ;\ta = \"b;\" ; c\r\nhello\r\n0 ;x\r\n\r\n"),
        with({0}, "1;a =b ;c=\td\r\nx\r\n0\t; y\r\n\r\n"), with({6}, "5;a \r\nhello\r\n"),
        with({6}, "5 x\r\nhello\r\n")}},
      {"url",
       &url,
       {"http://user:pa%20ss@EXAMPLE.org:8080/a/../b%2f?q=1#f", "https://[::ffff:1.2.3.4]/",
        "http://0x7f.1/", "\t http:\\\\a\\b\nc", "ws://xn--bcher-kva.example/", "http://a%00b/",
        ("https://b\xc3\xbc"
         "cher.example./x y\"<>`")}},
      {"set_cookie",
       &set_cookie,
       {"a=1; Path=/; Domain=.example.com; Secure; HttpOnly; SameSite=Lax; Max-Age=10",
        "__Host-a=b; Secure; Path=/", "a=b; Expires=Sun, 06 Nov 1994 08:49:37 GMT",
        "a=b; expires=06-Nov-30 8:49:37", "=x; domain=com", "a\tb= c ;path=a; max-age=-0"}},
      {"redirect",
       &redirect,
       {with({0, 0, 0}, "/b?c#d"), with({2, 1, 1}, "http://a.test/"),
        with({3, 4, 2}, "//a.test:8443/y"), with({1, 2, 129}, "http://A.TEST:443/"),
        with({0, 3, 2}, "https://u:p@a.test:8443/"), with({2, 3, 0}, "http://a.test.:80/"),
        with({0, 1, 1}, "https:b"), with({4, 1, 0}, "\\\\b\\c")}},
      {"decode",
       &decode,
       {with({0, 3}, "\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0"s),
        with({1, 1}, "\x78\x9c\x03\0\0\0\0\x01"s), with({1, 1}, "\x03\0"s), with({2, 2}, "\x3b"),
        with({3, 5}, "\x28\xb5\x2f\xfd\0\x68\x01\0\0"s),
        with({3, 3}, "\x28\x25\xb5\x2f\xfd\x02\0\0\0"s),
        with({3, 3}, "\x28\xb5\x2f\xfd\x40\0\x68\x40\x01\0\0"s),
        // Zeros behind gzip, a second member, another's junk; a frame to be passed over, before
        // and behind.
        with({0, 1}, "\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0\0\0\0"s),
        with({0, 4}, "\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0\x1f\x8b\x08"s),
        with({0, 4}, "\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0\0\0x"s),
        with({3, 2}, "\x50\x2a\x4d\x18\x02\0\0\0xx\x28\xb5\x2f\xfd\0\x68\x01\0\0"s),
        with({3, 6}, "\x28\xb5\x2f\xfd\0\x68\x01\0\0\x5f\x2a\x4d\x18\0\0\0\0"s),
        with({3, 6}, "\x28\xb5\x2f\xfd\0\x68\x01\0\0\0\0"s)}},
      {"challenge",
       &challenge,
       {R"(Negotiate YWJjZA==, Basic realm="x", Digest realm="r", nonce="n", qop="auth,auth-int")",
        "Digest realm=\"a\\\"b\", nonce=\"c,d\", opaque=\"\", algorithm=SHA-256, stale=true",
        ", ,DIGEST\tnonce = n ,, algorithm=\"MD5, SHA-256-sess\",qop=\"auth-int , auth\"",
        "Bad@x y=\"z, Digest nonce=1", "NTLM TlRM/+=, Digest nonce=\"\\\\\", realm=\"\"",
        "Digest a=, b"}},
      {"multipart",
       &multipart,
       {with({0}, "--XX\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--XX--"),
        with({6},
             "pre\r\n--XX \t\r\nContent-Disposition: form-data; name=\"a\\\"b\"; "
             "filename=\"C:\\x/y\"\r\nContent-Type: a/b\r\n\r\n\r\n--X\r\n--XX\r\n"
             "content-disposition:form-data;name=b\r\n\r\n--XX--\r\nend"),
        with({1}, "--XX--"), with({9}, "\r\n--XX\r\n\r\n\r\n--XX--")}},
      {"event_stream",
       &event_stream,
       {with({0}, "id: 1\nevent: x\ndata: a\ndata: b\n\ndata: c\n\n"),
        with({2}, "\xEF\xBB\xBF: hello\r\nretry: 1000\r\ndata\r\n\r\nid\rdata: d\r\r"),
        with({5}, "id: 1\0x\ndata: 12345678901234567890123456789012345678901234567890\n\n"s),
        with({1}, "retry: 99999999999999999999\ndata:x\r\n\n:\n"),
        with({3}, "data: " + std::string(60, 'x') + "\n")}},
      {"websocket",
       &websocket,
       {with({0, 3}, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"),
        with({1, 5}, "\x01\x03Hel\x89\x01p\x80\x02lo\x8a\x01p\x88\x04\x03\xe8ok"),
        with({3, 0}, "\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"s),
        with({7, 2}, "\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\xc1\x05\xf2\x00\x11\x00\x00"s),
        with({1, 1}, "\x82\x7e\x00\x7e"s + std::string(126, 'x')),
        with({0, 0}, "\x88\x80\0\0\0\0"s), with({1, 9}, "\x81\x04\xf0\x9f\x98\x80")}},
#ifdef RONDO_HAVE_HTTP2
      {"http2",
       &http2,
       {with({3},
             "\0\0\0\x04\0\0\0\0\0"
             "\0\0\x06\x01\x05\0\0\0\x01\x82\x86\x84\x01\x01"
             "a"s),
        with({7},
             "\0\0\0\x04\0\0\0\0\0"
             "\0\0\x06\x01\x04\0\0\0\x01\x83\x86\x84\x01\x01"
             "a"
             "\0\0\x03\0\0\0\0\0\x01"
             "abc"
             "\0\0\x03\0\x01\0\0\0\x01"
             "def"s),
        with({1},
             "\0\0\x06\x04\0\0\0\0\0\0\x04\0\0\0\x01"
             "\0\0\x08\x06\0\0\0\0\0"
             "12345678"
             "\0\0\x04\x08\0\0\0\0\0\x7f\xff\xff\xff"s),
        with({9},
             "\0\0\0\x04\0\0\0\0\0"
             "\0\0\x03\x01\x01\0\0\0\x01\x82\x86\x84"
             "\0\0\x03\x09\x04\0\0\0\x01\x01\x01"
             "a"
             "\0\0\x04\x03\0\0\0\0\x01\0\0\0\x08"
             "\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0"s)}},
#endif
      {"proxy_header",
       &proxy_header,
       {"PROXY TCP4 192.0.2.1 10.0.0.1 56324 443\r\nGET / HTTP/1.1\r\n\r\n",
        "PROXY TCP6 2001:db8::1 ::1 1 2\r\nx", "PROXY UNKNOWN what ever\r\n",
        "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xC0\x00\x02\x01\x0A\x00\x00\x01\xDC\x04\x01\xBB"s,
        "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x13\xC0\x00\x02\x01\x0A\x00\x00\x01\xDC\x04\x01\xBB"
        "\x03\0\x04\xa4\x54\x06\x56"s,
        "\r\n\r\n\0\r\nQUIT\n\x20\x00\0\0"s,
        "for=192.0.2.43, for=\"[2001:db8::17]:4711\";by=\"a\\\"b\"",
        "192.0.2.1:80, [2001:db8::3]:80, ::1, unknown"}},
  };
  return all;
}

}  // namespace rondo_test::fuzz
