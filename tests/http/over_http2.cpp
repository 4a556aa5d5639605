// What bytes of HTTP/1.1 mean, said over HTTP/2: so that a case that is written in them runs over
// both versions.
#include "http/http_support.hpp"

#ifdef RONDO_HAVE_HTTP2

#include "http/http2_peer.hpp"
#include "http/http2_support.hpp"

#include <rondo/http/wire/chunked.hpp>

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace rondo_test {
namespace {

using rondo::task;

struct said_message {
  std::string line;
  http::headers fields;
  std::string body;
  http::headers trailers;
  bool whole = true;
};

// The fields up to the empty line, which goes too.
http::headers take_fields(std::string_view& text) {
  http::headers fields;
  for (;;) {
    const std::size_t end = text.find("\r\n");
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(text.size(), line.size() + 2));
    if (line.empty()) return fields;
    const std::size_t colon = line.find(':');
    EXPECT_NE(colon, std::string_view::npos) << "cannot be said over HTTP/2: " << line;
    if (colon == std::string_view::npos) return fields;
    fields.add(line.substr(0, colon), line.substr(std::min(line.size(), colon + 2)));
  }
}

// The front of `text`. What has no length of either kind has the rest for its body when it is an
// answer, and none when it is a request.
said_message take_message(std::string_view& text, bool rest_is_body) {
  said_message m;
  m.line = std::string(text.substr(0, text.find("\r\n")));
  text.remove_prefix(std::min(text.size(), m.line.size() + 2));
  m.fields = take_fields(text);
  if (const auto length = http2::content_length_of(m.fields)) {
    m.body = std::string(text.substr(0, *length));
    m.whole = m.body.size() == *length;
  } else if (m.fields.contains("Transfer-Encoding")) {
    http2::chunk_decoder chunks(http::parser_limits(), 400);
    m.whole = false;
    while (!text.empty() && !m.whole) {
      const auto step = chunks.next(text);
      m.body += step.data;
      m.whole = step.last;
      text.remove_prefix(step.consumed);
    }
    if (m.whole) m.trailers = take_fields(text);
    return m;
  } else if (rest_is_body) {
    m.body = std::string(text);
  }
  text.remove_prefix(m.body.size());
  return m;
}

// "GET http://a/x HTTP/1.1", as its client would have it.
http2::http2_head head_of_request(const said_message& m) {
  http::request_head h;
  const std::size_t space = m.line.find(' ');
  h.method = m.line.substr(0, space);
  h.target = m.line.substr(space + 1, m.line.rfind(' ') - space - 1);
  h.headers = m.fields;
  if (constexpr std::string_view scheme = "http://"; h.target.starts_with(scheme)) {
    const std::size_t path = std::min(h.target.find_first_of("/?", scheme.size()), h.target.size());
    h.headers.set("Host", std::string_view(h.target).substr(scheme.size(), path - scheme.size()));
    h.target.erase(0, path);
    if (h.target.empty()) h.target = h.method == "OPTIONS" ? "*" : "/";
  }
  return http2::http2_request_head(h, "http");
}

int status_of_line(std::string_view line) {
  int status = 0;
  std::from_chars(line.data() + 9, line.data() + 12, status);
  return status;
}

// "etag" as ours writes it in HTTP/1.1.
std::string as_written(std::string_view name) {
  if (name == "etag") return "ETag";
  if (name == "www-authenticate") return "WWW-Authenticate";
  std::string out(name);
  for (std::size_t i = 0; i < out.size(); ++i)
    if ((i == 0 || out[i - 1] == '-') && out[i] >= 'a' && out[i] <= 'z')
      out[i] = static_cast<char>(out[i] - 'a' + 'A');
  return out;
}

std::string as_text(std::string line, const http::headers& fields) {
  line += "\r\n";
  for (const auto& [name, value] : fields)
    line.append(as_written(name)).append(": ").append(value).append("\r\n");
  return line + "\r\n";
}

std::string text_of(const h2_answer& a) {
  if (a.status == 0) return {};
  return as_text("HTTP/1.1 " + std::to_string(a.status) + ' ' +
                     std::string(http::reason_phrase(a.status)),
                 a.fields) +
         a.body;
}

std::string text_of(http2_head h) {
  const http::request_head head = std::move(h).take_request();
  return as_text(head.method + ' ' + head.target + " HTTP/1.1", head.headers);
}

task<> answer_stream(http2_stream& s, const std::function<std::string(std::string)>& make) {
  const std::string said = make(text_of(s.head()));
  std::string_view reply = said;
  static_cast<void>(co_await body_of(s));
  if (s.closed() || reply.empty()) co_return co_await until_closed(s);
  while (status_of_line(reply) < 200) {
    http2_head interim;
    interim.status = status_of_line(reply);
    reply.remove_prefix(reply.find("\r\n") + 2);
    interim.fields = take_fields(reply);
    s.send_head(interim, false);
  }
  http2_head head;
  head.status = status_of_line(reply);
  const bool has_none = s.head().method == "HEAD" || head.status == 204 || head.status == 304;
  const said_message m = take_message(reply, true);
  head.fields = http2::http2_fields(m.fields);
  const bool ends = has_none || (m.whole && m.body.empty() && m.trailers.empty());
  s.send_head(head, ends);
  if (ends) co_return;
  co_await h2_client::send(s, m.body);
  if (m.whole) co_return s.end(m.trailers);
  co_await until_closed(s);
}

}  // namespace

task<std::string> ask_over_http2(rondo::net::any_stream to, std::string requests) {
  auto client = std::make_unique<h2_client>(http2::transport(std::move(to)));
  std::string got;
  co_await rondo::with_task_group([&](rondo::task_group& g) -> task<> {
    client->start(g);
    for (std::string_view left = requests; !left.empty() && !client->session().is_lost();) {
      said_message m = take_message(left, false);
      EXPECT_TRUE(m.whole) << "cannot be said over HTTP/2: " << m.line;
      got += text_of(co_await client->ask(head_of_request(m), std::move(m.body)));
    }
    // The server has nothing more to do, and nobody to be cancelled for.
    client->session().shut_down();
    co_await client->until_lost();
    g.cancel();
  });
  co_return got;
}

task<> answer_over_http2(tcp_stream& s, std::function<std::string(std::string)> reply) {
  co_await serve_http2(s, 0, [&reply](http2_peer&, http2_stream_ref stream) -> task<> {
    co_await answer_stream(*stream, reply);
  });
}

}  // namespace rondo_test

#else

namespace rondo_test {

// No case runs over HTTP/2 where it is not built in.
rondo::task<std::string> ask_over_http2(rondo::net::any_stream, std::string) { co_return {}; }
rondo::task<> answer_over_http2(tcp_stream&, std::function<std::string(std::string)>) { co_return; }

}  // namespace rondo_test

#endif
