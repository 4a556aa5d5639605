#include <rondo/http/ascii.hpp>
#include <rondo/http/client.hpp>
#include <rondo/http/errors.hpp>
#include <rondo/net/resolver.hpp>
#include <rondo/runtime/as_result.hpp>
#include <rondo/runtime/scope.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>

namespace rondo::http {
namespace {

// Bodies up to this size go out in one write with the head.
constexpr std::size_t joined_body = 16 * 1024;
// 1xx responses before the one that counts.
constexpr int max_interim = 16;
constexpr auto none = rondo::detail::nanoseconds::zero();

// RFC 9110, section 9.2.2.
bool is_idempotent(std::string_view method) noexcept {
  static constexpr std::array<std::string_view, 6> methods{"GET",    "HEAD",    "PUT",
                                                           "DELETE", "OPTIONS", "TRACE"};
  return std::ranges::find(methods, method) != methods.end();
}

}  // namespace

client_options& client_options::max_connections(std::size_t n) {
  if (n == 0) throw std::invalid_argument("client_options::max_connections must be at least 1");
  pool_.connections = n;
  return *this;
}

namespace detail {

// One request on its way: which phase it is in, and what is needed to try a second time.
class exchange {
 public:
  exchange(const client::state& s, request& r) noexcept : state_(s), request_(r) {}

  task<response> run() {
    refuse_what_cannot_be_sent();
    std::string key(request_.url_.origin());
    for (bool fresh = false;; fresh = true) {
      phase_ = phase::pool;
      lease l = co_await state_.connections->acquire(key, fresh);
      if (!l.conn) co_await open(l);
      try {
        co_return co_await talk(std::move(l));
      } catch (const stale_connection&) {
        // Nothing of a response had come: the server had closed before it saw the request.
        if (fresh || !may_send_again())
          throw connect_error(std::make_error_code(std::errc::connection_reset), closed_silently,
                              phase::first_byte);
      }
    }
  }

  http::phase current_phase() const noexcept { return phase_; }
  rondo::detail::nanoseconds total() const noexcept {
    return request_.timeout_ ? *request_.timeout_ : state_.options.total_;
  }

 private:
  struct stale_connection {};
  // Of the connection; what a request's own body throws passes as it is.
  struct write_failure {
    std::error_code code;
  };
  static constexpr const char* closed_silently =
      "the server closed the connection without an answer";

  void refuse_what_cannot_be_sent() {
    phase_ = phase::url;
    if (request_.url_.is_secure()) throw tls_error("TLS is not available in this version");
    if (request_.url_.scheme() != "http")
      throw url_error("the client speaks http, not " + std::string(request_.url_.scheme()),
                      request_.url_.href(), 0);
  }

  bool may_send_again() const noexcept {
    return is_idempotent(request_.method_) &&
           !std::holds_alternative<request::stream_body>(request_.body_);
  }

  task<> open(lease& l) {
    phase_ = phase::connect;
    std::string host(request_.url_.hostname());
    auto connecting = net::tcp_stream::connect(std::move(host), request_.url_.port());
    std::optional<net::tcp_stream> stream;
    try {
      if (state_.options.connect_ == none)
        stream = co_await std::move(connecting);
      else
        stream = co_await try_for(state_.options.connect_, std::move(connecting));
    } catch (const net::resolve_error& e) {
      throw connect_error(e.code(), request_.url_.hostname(), phase::resolve);
    } catch (const std::system_error& e) {
      const std::string where =
          std::string(request_.url_.host()) + ':' + std::to_string(request_.url_.port());
      throw connect_error(e.code(), where);
    }
    if (!stream) throw timeout_error(phase::connect);
    l.conn = std::make_unique<connection>(std::move(*stream), state_.options.limits_);
  }

  task<response> talk(lease l) {
    connection& c = *l.conn;
    const bool reused = std::exchange(c.reused, true);
    c.answered = false;
    c.lend(l.from().take_buffer());
    c.parser().expect(request_.method_);
    std::optional<write_failure> unsent;
    try {
      phase_ = phase::write;
      co_await write(c);
    } catch (const write_failure& e) {
      // The server may have answered before it closed: its answer counts for more than our failure.
      unsent = e;
      c.half_sent = true;
    }
    const auto no_answer = [&](std::error_code code, const char* what) {
      if (reused && !c.answered) throw stale_connection();
      if (unsent) throw connect_error(unsent->code, "the request could not be sent", phase::write);
      throw connect_error(code, what, phase::first_byte);
    };
    phase_ = phase::first_byte;
    for (int interim = 0;; ++interim) {
      parse_step step{};
      try {
        step = co_await c.next_event();
      } catch (const std::system_error& e) {
        no_answer(e.code(), "the connection was lost before the answer");
      }
      if (step.event == parse_event::need_more)
        no_answer(std::make_error_code(std::errc::connection_reset), closed_silently);
      const int status = c.parser().head().status;
      if (status == 101) throw protocol_error("the server switches protocols (101) unasked", 502);
      if (status >= 200) break;
      co_await c.next_event();  // the end of the interim response
      if (interim == max_interim)
        throw protocol_error("more than " + std::to_string(max_interim) + " interim responses",
                             502);
    }
    co_return make_response(std::move(l));
  }

  response make_response(lease l) {
    auto body = std::make_unique<incoming_body>();
    connection& c = *l.conn;
    response_head head = c.parser().take_head();
    body->limit = state_.options.max_body_;
    body->total = total();
    if (c.parser().framing() == body_framing::none) {
      c.buffered_event();  // the end, which needs no further byte
      if (c.reusable()) l.give_back();
    } else {
      body->from = std::move(l);
    }
    return response(std::move(head), request_.url_, std::move(body));
  }

  std::string head_text(std::string_view length, bool chunked) const {
    request_head head;
    head.method = request_.method_;
    head.target = request_.url_.target();
    head.headers.add("Host", request_.url_.host_header());
    for (const auto& [name, value] : request_.headers_) head.headers.add(name, value);
    for (const auto& [name, value] : state_.options.headers_)
      if (!request_.headers_.contains(name)) head.headers.add(name, value);
    if (!head.headers.contains("User-Agent")) head.headers.add("User-Agent", "rondo");
    if (!head.headers.contains("Accept")) head.headers.add("Accept", "*/*");
    if (!length.empty()) head.headers.add("Content-Length", length);
    if (chunked) head.headers.add("Transfer-Encoding", "chunked");
    std::string text;
    write_head(text, head);
    return text;
  }

  task<> write(connection& c) {
    if (auto* stream = std::get_if<request::stream_body>(&request_.body_)) {
      co_await write_stream(c, *stream);
      co_return;
    }
    const auto* whole = std::get_if<std::string>(&request_.body_);
    // RFC 9110, section 8.6: a method that expects a body says 0 when there is none.
    const bool says_length = whole || request_.method_ == "POST" || request_.method_ == "PUT" ||
                             request_.method_ == "PATCH";
    std::string text =
        head_text(says_length ? std::to_string(whole ? whole->size() : 0) : std::string(), false);
    const bool joined = whole && whole->size() <= joined_body;
    if (joined) text += *whole;
    co_await put(c, text);
    if (whole && !joined) co_await put(c, *whole);
  }

  // `text` is kept by the caller until it has gone.
  static task<> put(connection& c, std::string_view text) {
    const outcome<void> written = co_await as_result(c.stream().write_all(net::bytes_of(text)));
    if (!written.has_value()) throw write_failure{written.code()};
  }

  task<> write_stream(connection& c, request::stream_body& body) {
    const std::string head =
        head_text(body.size ? std::to_string(*body.size) : std::string(), !body.size);
    co_await put(c, head);
    std::uint64_t sent = 0;
    while (const std::optional<std::string> piece = co_await body.source->next()) {
      if (piece->empty()) continue;  // an empty chunk would end the body
      sent += piece->size();
      if (body.size) {
        if (sent > *body.size)
          throw body_error(body_error::reason::too_large,
                           "the request's body is longer than it said");
        co_await put(c, *piece);
      } else {
        const std::string framed = chunk(*piece);
        co_await put(c, framed);
      }
    }
    if (body.size && sent < *body.size)
      throw body_error(body_error::reason::truncated, "the request's body is shorter than it said");
    if (!body.size) co_await put(c, "0\r\n\r\n");
  }

  static std::string chunk(std::string_view piece) {
    std::array<char, 20> size{};
    const auto end = std::to_chars(size.data(), size.data() + size.size(), piece.size(), 16).ptr;
    std::string out(size.data(), end);
    out += "\r\n";
    out += piece;
    out += "\r\n";
    return out;
  }

  const client::state& state_;
  request& request_;
  http::phase phase_ = phase::url;

 public:
  static void set_deadline(response& r, rondo::detail::time_point deadline) noexcept {
    r.body_->deadline = deadline;
  }
  static std::string_view href(const request& r) noexcept { return r.url_.href(); }
};

}  // namespace detail

client::client(client_options options) {
  auto s = std::make_shared<state>(state{std::move(options), nullptr});
  s->connections = std::make_shared<detail::pool>(s->options.pool_);
  state_ = std::move(s);
}

task<response> client::get(std::string url) { return send(request("GET", url)); }
task<response> client::head(std::string url) { return send(request("HEAD", url)); }
task<response> client::post(std::string url, std::string body) {
  return send(request("POST", url).body(std::move(body)));
}
task<response> client::put(std::string url, std::string body) {
  return send(request("PUT", url).body(std::move(body)));
}
task<response> client::patch(std::string url, std::string body) {
  return send(request("PATCH", url).body(std::move(body)));
}
task<response> client::del(std::string url) { return send(request("DELETE", url)); }

task<response> client::send(request r) {
  const std::shared_ptr<const state> kept = state_;  // the client itself may go before the response
  detail::exchange e(*kept, r);
  const rondo::detail::nanoseconds total = e.total();
  const rondo::detail::time_point deadline =
      total > none ? rondo::detail::add(this_loop().now(), total) : rondo::detail::never;
  try {
    if (total <= none) co_return co_await e.run();
    std::optional<response> result = co_await try_for(total, e.run());
    if (!result) {
      const std::string where =
          "while in phase \"" + std::string(to_string(e.current_phase())) + '"';
      throw timeout_error(phase::total, where);
    }
    detail::exchange::set_deadline(*result, deadline);
    co_return std::move(*result);
  } catch (http::error& error) {
    error.add_context(detail::exchange::href(r), e.current_phase());
    throw;
  }
}

}  // namespace rondo::http
