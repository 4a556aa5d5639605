#include <rondo/http/cookies.hpp>
#include <rondo/http/errors.hpp>
#include <rondo/http/server/request_target.hpp>
#include <rondo/http/server/server_connection.hpp>
#include <rondo/http/wire/ascii.hpp>
#include <rondo/http/wire/http_date.hpp>
#include <rondo/net/serve.hpp>
#include <rondo/runtime/as_result.hpp>
#include <rondo/runtime/scope.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>

namespace rondo::http {

// --- server --------------------------------------------------------------------------------------

void server::add(std::string_view method, std::string_view pattern,
                 std::unique_ptr<any_handler> h) {
  router_.add(method, pattern, handlers_.size());
  handlers_.push_back(std::move(h));
}

namespace {

task<> serve_connection(server& s, detail::transport stream) {
  detail::server_connection c(s, std::move(stream));
  co_await c.run();
}

// A client that does not get through its handshake is the client's trouble: nobody is told.
task<> serve_secure(server& s, detail::plain_stream stream, net::tls_context context) {
  outcome<detail::tls_stream> secure =
      co_await as_result(detail::tls_stream::accept(std::move(stream), std::move(context)));
  if (secure.has_value()) co_await serve_connection(s, std::move(secure).value());
}

}  // namespace

task<> server::serve(net::tcp_listener listener) { return serve_plain(std::move(listener)); }
task<> server::serve(net::unix_listener listener) { return serve_plain(std::move(listener)); }
task<> server::serve(net::tcp_listener listener, net::tls_reloadable tls) {
  return serve_tls(std::move(listener), std::move(tls));
}
task<> server::serve(net::unix_listener listener, net::tls_reloadable tls) {
  return serve_tls(std::move(listener), std::move(tls));
}

template <class Listener>
task<> server::serve_plain(Listener listener) {
  co_await net::serve(
      std::move(listener),
      [this](detail::plain_stream stream) { return serve_connection(*this, std::move(stream)); },
      net::serve_options().max_connections(options_.max_connections_));
}

template <class Listener>
task<> server::serve_tls(Listener listener, net::tls_reloadable tls) {
  co_await net::serve(
      std::move(listener),
      [this, tls = std::move(tls)](detail::plain_stream stream) {
        return serve_secure(*this, std::move(stream), tls.get());
      },
      net::serve_options().max_connections(options_.max_connections_));
}

// --- request and response ------------------------------------------------------------------------

std::string_view server_request::param(std::string_view name) const noexcept {
  for (const auto& [n, value] : params_)
    if (n == name) return value;
  return {};
}

task<std::span<const std::byte>> server_request::next_chunk() { return connection_.next_chunk(); }

task<std::string> server_request::text() { return connection_.whole_body(); }

net::endpoint server_request::remote() const { return connection_.remote(); }

server_response server_response::text(std::string body, int status) {
  server_response r(status);
  r.body_ = std::move(body);
  r.headers_.set("Content-Type", "text/plain; charset=utf-8");
  return r;
}
server_response server_response::json(std::string body, int status) {
  server_response r(status);
  r.body_ = std::move(body);
  r.headers_.set("Content-Type", "application/json");
  return r;
}
server_response server_response::bytes(std::string body, int status) {
  server_response r(status);
  r.body_ = std::move(body);
  r.headers_.set("Content-Type", "application/octet-stream");
  return r;
}
server_response server_response::stream(std::unique_ptr<body_source> source,
                                        std::optional<std::uint64_t> size, int status) {
  if (!source) throw std::invalid_argument("server_response::stream was given no source");
  server_response r(status);
  r.source_ = std::move(source);
  r.size_ = size;
  r.headers_.set("Content-Type", "application/octet-stream");
  return r;
}

server_response& server_response::set_cookie(const cookie& c) & {
  headers_.add("Set-Cookie", detail::set_cookie_value(c));
  return *this;
}

namespace detail {

// --- connection: in ------------------------------------------------------------------------------

namespace {

// What is read of a body that nobody asked for, so that the connection can go on.
constexpr std::size_t most_drained = 64 * 1024;

// RFC 9110, sections 15.3.5, 15.3.6 and 15.4.5.
bool may_have_body(int status) noexcept { return status != 204 && status != 205 && status != 304; }

// The fields that the server writes itself.
bool is_own(std::string_view name) noexcept {
  switch (name.size()) {
    case 4: return iequals(name, "Date");
    case 10: return iequals(name, "Connection");
    case 14: return iequals(name, "Content-Length");
    case 17: return iequals(name, "Transfer-Encoding");
    default: return false;
  }
}

// What a field that is a number says; nullopt for anything else.
std::optional<std::uint64_t> number(std::string_view text) noexcept {
  std::uint64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return n;
}

// Those that RFC 9110 and RFC 5789 name: a server knows them, whatever its routes.
bool is_well_known(std::string_view method) noexcept {
  static constexpr std::array<std::string_view, 8> methods{"GET",    "HEAD",    "POST",  "PUT",
                                                           "DELETE", "OPTIONS", "TRACE", "PATCH"};
  return std::ranges::find(methods, method) != methods.end();
}

// What a client is told of an error in reading its own request's body.
int status_of_own(const http::error& e) noexcept {
  if (const auto* body = dynamic_cast<const body_error*>(&e)) return body->answer_status();
  if (const auto* protocol = dynamic_cast<const protocol_error*>(&e))
    return protocol->answer_status();
  return dynamic_cast<const timeout_error*>(&e) != nullptr ? 408 : 400;
}

// And of one that came from a server which the handler asked, or of asking it (RFC 9110, section
// 15.6).
int status_of_upstream(const http::error& e) noexcept {
  if (dynamic_cast<const timeout_error*>(&e) != nullptr) return 504;
  // Of the handler's own making: no URL, and a body that it cannot give again.
  if (dynamic_cast<const url_error*>(&e) != nullptr) return 500;
  const auto* body = dynamic_cast<const body_error*>(&e);
  return body != nullptr && body->why() == body_error::reason::not_repeatable ? 500 : 502;
}

server_response failed(int status) {
  return server_response::text(std::string(status == 500   ? "the handler failed"
                                           : status == 504 ? "a server behind this one is silent"
                                                           : "a server behind this one failed") +
                                   '\n',
                               status);
}

}  // namespace

server_connection::server_connection(server& s, transport stream)
    : server_(s),
      stream_(std::move(stream)),
      watch_(stream_, s.options_.write_timeout_),
      parser_(s.options_.limits_) {}

// A head is read into a buffer that the loop lends, so that a connection that waits for one holds
// none; a body into one of its own, which is larger.
task<> server_connection::read() {
  lent_.give_back();
  try {
    if (body_ended_ && !stream_.tls()) {
      lent_ = co_await stream_.plain().receive();
      unread_ = lent_.bytes();
      co_return;
    }
    if (!buffer_) buffer_ = std::make_unique_for_overwrite<std::byte[]>(read_buffer_bytes);
    const std::span<std::byte> room(buffer_.get(), read_buffer_bytes);
    std::size_t n = 0;
    if (stream_.tls())
      n = co_await stream_.tls()->read_some(room);
    else
      n = co_await stream_.plain().read_some(room);
    unread_ = room.first(n);
  } catch (...) {
    lost_ = true;
    throw;
  }
}

// Piece by piece, so that the watch sees whether it moves.
task<> server_connection::write(std::string_view text) {
  std::span<const std::byte> left = net::bytes_of(text);
  const write_watch::turn watched(watch_);
  try {
    while (!left.empty()) {
      std::size_t n = 0;
      if (stream_.tls())
        n = co_await stream_.tls()->write_some(left);
      else
        n = co_await stream_.plain().write_some(left);
      left = left.subspan(n);
      watch_.moved();
    }
  } catch (...) {
    lost_ = true;
    throw;
  }
}

parse_step server_connection::buffered_event() {
  const parse_step step = parser_.next(unread_);
  unread_ = unread_.subspan(step.consumed);
  return step;
}

task<parse_step> server_connection::next_event() {
  for (;;) {
    const parse_step step = buffered_event();
    if (step.event != parse_event::need_more) co_return step;
    co_await read();
    if (unread_.empty()) co_return parse_step{parser_.finish(), 0, {}};
  }
}

task<server_connection::head_state> server_connection::read_head() {
  // Between requests only the idle limit counts; from the first byte on, the head's.
  if (unread_.empty() && parser_.idle()) {
    if (!co_await try_for(server_.options_.idle_timeout_, read()) || unread_.empty())
      co_return head_state::closed;
  }
  parse_step step = buffered_event();
  if (step.event == parse_event::need_more) {  // most heads come whole
    const auto later = co_await try_for(server_.options_.header_timeout_, next_event());
    if (!later) co_return head_state::timed_out;
    step = *later;
  }
  if (unread_.empty()) lent_.give_back();
  co_return step.event == parse_event::head ? head_state::came : head_state::closed;
}

// What it throws is kept, so that it can be told from what others throw.
task<std::span<const std::byte>> server_connection::next_chunk() {
  if (body_ended_) co_return std::span<const std::byte>();
  try {
    if (std::exchange(expects_continue_, false)) co_await write("HTTP/1.1 100 Continue\r\n\r\n");
    const auto step = co_await try_for(server_.options_.idle_timeout_, next_event());
    if (!step) throw timeout_error(phase::body, "the client sent no more of its body");
    if (step->event == parse_event::body) co_return step->body;
  } catch (const http::error&) {
    body_failure_ = std::current_exception();
    throw;
  }
  body_ended_ = true;
  co_return std::span<const std::byte>();
}

task<std::string> server_connection::whole_body() {
  const std::uint64_t most = server_.options_.max_body_;
  // A body whose length says that it is too large is not asked for.
  if (!body_ended_ && parser_.content_length().value_or(0) > most) refuse_body();
  std::string all;
  for (;;) {
    const std::span<const std::byte> piece = co_await next_chunk();
    if (piece.empty()) co_return all;
    if (piece.size() > most - all.size()) refuse_body();
    all.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  }
}

void server_connection::refuse_body() {
  body_failure_ = std::make_exception_ptr(body_error(
      body_error::reason::too_large, "the request's body is larger than " +
                                         std::to_string(server_.options_.max_body_) + " bytes"));
  std::rethrow_exception(body_failure_);
}

net::endpoint server_connection::remote() noexcept {
  try {
    return stream_.plain().remote_endpoint();
  } catch (const std::system_error&) {
    return {};  // it has gone
  }
}

task<bool> server_connection::drain() {
  if (expects_continue_) co_return body_ended_;  // it was never asked for, and may or may not come
  try {
    for (std::size_t drained = 0; !body_ended_;) {
      drained += (co_await next_chunk()).size();
      if (drained > most_drained) co_return false;
    }
  } catch (const http::error&) {
    co_return false;  // the response had been sent
  }
  co_return true;
}

// --- connection: out -----------------------------------------------------------------------------

// The start line and every field, written at once behind one another.
std::string server_connection::head_of(const server_response& response, bool chunked) const {
  static constexpr std::size_t usual_bytes = 160;  // of what is added here
  std::string text;
  text.reserve(usual_bytes + response.headers_.wire().size() + response.body_.size());
  write_status_line(text, response.status_);
  const auto put = [&text](std::string_view name, std::string_view value) {
    text.append(name).append(": ").append(value).append("\r\n");
  };
  for (const auto& [name, value] : response.headers_)
    if (!is_own(name)) put(name, value);
  put("Date", http_date_now());
  if (chunked) {
    put("Transfer-Encoding", "chunked");
  } else if (response.status_ != 204 && response.status_ != 304 &&
             (!response.source_ || response.size_)) {
    std::array<char, 20> size{};
    const auto end = std::to_chars(size.data(), size.data() + size.size(),
                                   response.size_.value_or(response.body_.size()));
    put("Content-Length", {size.data(), end.ptr});
  }
  if (!keep_)
    put("Connection", "close");
  else if (version_ == http::version::http_1_0)
    put("Connection", "keep-alive");
  text += "\r\n";
  return text;
}

// For a response that check() has seen.
task<> server_connection::send(server_response response, bool head_only) {
  const bool unsized = response.source_ && !response.size_;
  // RFC 9112, section 6.1: a 1.0 client knows no chunks; the end of the connection ends its body.
  const bool chunked = unsized && version_ == http::version::http_1_1;
  if (unsized && !chunked) keep_ = false;
  std::string text = head_of(response, chunked);
  const bool streamed = response.source_ && !head_only;
  if (!response.source_ && !head_only) text += response.body_;
  co_await write(text);
  if (streamed) co_await send_body(response);
}

task<> server_connection::send_body(server_response& response) {
  const bool chunked = !response.size_ && version_ == http::version::http_1_1;
  std::uint64_t left = response.size_.value_or(0);
  std::string out;
  while (const std::optional<std::string> piece = co_await response.source_->next()) {
    if (piece->empty()) continue;
    out.clear();
    if (chunked) {
      std::array<char, 20> size{};
      out.append(size.data(),
                 std::to_chars(size.data(), size.data() + size.size(), piece->size(), 16).ptr);
      out += "\r\n";
    } else if (response.size_) {
      if (piece->size() > left) throw std::length_error("a response's body is longer than it said");
      left -= piece->size();
    }
    out += *piece;
    if (chunked) out += "\r\n";
    co_await write(out);
  }
  if (left > 0) throw std::length_error("a response's body is shorter than it said");
  if (chunked) co_await write("0\r\n\r\n");
}

task<> server_connection::refuse(int status, std::string_view why) {
  keep_ = false;
  co_await send(server_response::text(std::string(why) + '\n', status), false);
}

// --- connection: the exchange --------------------------------------------------------------------

task<server_response> server_connection::handle(server_request& request) {
  router::match m = server_.router_.find(request.method(), request.path());
  if (!m.handler) co_return not_routed(request.method(), m);
  request.params_ = std::move(m.params);
  try {
    co_return co_await server_.handlers_[*m.handler]->call(request);
  } catch (const http::error& e) {
    co_return blame(e);
  } catch (...) {
    if (lost_) throw;
    rondo::detail::report_unhandled(std::current_exception());
    co_return failed(500);
  }
}

server_response server_connection::not_routed(std::string_view method, const router::match& found) {
  // RFC 9110, section 9.1: 501 for a method that is not known at all. What follows a CONNECT may be
  // a tunnel's.
  if (method == "CONNECT") keep_ = false;
  if (!is_well_known(method) && !server_.router_.has_method(method))
    return server_response::text("no such method\n", 501);
  if (found.malformed)
    return server_response::text("a \"%\" in the path without two hexadecimal digits\n", 400);
  if (found.allowed.empty()) return server_response::text("no such path\n", 404);
  return server_response::text("no such method here\n", 405).header("Allow", found.allowed);
}

server_response server_connection::about_the_server() const {
  static constexpr std::string_view options = "OPTIONS";
  const std::vector<std::string_view> methods = server_.router_.methods();
  std::string allowed;
  for (const std::string_view m : methods) allowed.append(m).append(", ");
  if (std::ranges::find(methods, options) == methods.end())
    allowed += options;
  else
    allowed.resize(allowed.size() - 2);
  return server_response(204).header("Allow", allowed);
}

// The current exception is `thrown`.
server_response server_connection::blame(const http::error& thrown) {
  const std::exception_ptr e = std::current_exception();
  if (e == body_failure_)
    return server_response::text(std::string(thrown.message()) + '\n', status_of_own(thrown));
  rondo::detail::report_unhandled(e);
  return failed(status_of_upstream(thrown));
}

void server_connection::check(server_response& response, bool head_only) {
  const auto report = [](const std::string& what) {
    rondo::detail::report_unhandled(
        std::make_exception_ptr(std::logic_error("a handler's response " + what)));
  };
  const int status = response.status_;
  if (status < 200 || status > 999) {
    report("has the status " + std::to_string(status));
    response = failed(500);
    return;
  }
  if (!may_have_body(status)) {
    if (response.source_ || !response.body_.empty())
      report("has a body, which a response of status " + std::to_string(status) + " cannot have");
    response.source_.reset();
    response.size_.reset();
    response.body_.clear();
    return;
  }
  for (const auto& [name, value] : response.headers_) {
    if (!iequals(name, "Content-Length")) continue;
    const std::optional<std::uint64_t> said = number(value);
    const bool open = response.source_ ? !response.size_ : head_only && response.body_.empty();
    if (said && open && !response.size_) response.size_ = said;
    if (said && said == response.size_.value_or(response.body_.size())) continue;
    report("has a Content-Length that is not its body's");
    response = failed(500);
    return;
  }
}

task<> server_connection::answer() {
  server_request request(*this);
  request.head_ = parser_.take_head();
  version_ = request.head_.version;
  keep_ = parser_.keep_alive();
  body_ended_ = false;
  body_failure_ = nullptr;
  expects_continue_ = version_ == http::version::http_1_1 &&
                      parser_.framing() != body_framing::none &&
                      request.head_.headers.has_token("Expect", "100-continue");
  if (parser_.framing() == body_framing::none) {
    buffered_event();  // the end, which needs no further byte
    body_ended_ = true;
  }
  const request_target target = read_target(request.method(), request.target());
  if (target.problem != nullptr) {
    co_await refuse(400, target.problem);
    co_return;
  }
  request.path_begin_ = target.path_begin;
  request.path_size_ = target.path_size;
  if (!target.authority.empty()) request.head_.headers.set("Host", target.authority);
  const bool head_only = request.method() == "HEAD";
  server_response response = target.whole_server ? about_the_server() : co_await handle(request);
  check(response, head_only);
  if (body_failure_ || (keep_ && !body_ended_ && expects_continue_)) keep_ = false;
  try {
    co_await send(std::move(response), head_only);
  } catch (const http::error&) {
    // The client's own body, passed on as the response: what is wrong with it is the client's.
    if (std::current_exception() != body_failure_) throw;
    keep_ = false;
  }
  if (keep_ && !body_ended_ && !co_await drain()) keep_ = false;
}

task<> server_connection::run() {
  try {
    while (keep_) {
      int status = 0;
      std::string why;
      try {
        const head_state state = co_await read_head();
        if (state == head_state::closed) co_return;
        if (state == head_state::timed_out) {
          status = 408;
          why = "the request's head took too long";
        }
      } catch (const protocol_error& e) {
        status = e.answer_status();
        why = e.message();
      } catch (const body_error& e) {
        status = e.answer_status();
        why = e.message();
      }
      if (status != 0)
        co_await refuse(status, why);
      else
        co_await answer();
      // Nothing buffered, nothing promised: an idle connection holds no buffer.
      if (keep_ && unread_.empty()) buffer_.reset();
    }
    // What the client still sends must not turn our close into a reset that eats the response (RFC
    // 9112, section 9.6): half-close, then read on for a moment.
    const bool lost = stream_.tls()
                          ? (co_await as_result(stream_.tls()->shutdown_write())).has_error()
                          : (co_await as_result(stream_.plain().shutdown_write())).has_error();
    if (lost) co_return;
    // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): try_for keeps it
    co_await try_for(std::chrono::seconds(1), [this]() -> task<> {
      do co_await read();
      while (!unread_.empty());
    });
  } catch (const std::system_error&) {
    if (!lost_) throw;  // of a response's source, and to be reported
  }
}

}  // namespace detail
}  // namespace rondo::http
