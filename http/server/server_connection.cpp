#include <rondo/http/server/request_target.hpp>
#include <rondo/http/server/response_head.hpp>
#include <rondo/http/server/server_connection.hpp>
#include <rondo/http/wire/chunked.hpp>
#include <rondo/net/send_file.hpp>
#include <rondo/runtime/as_result.hpp>
#include <rondo/runtime/loop.hpp>
#include <rondo/runtime/scope.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <concepts>
#include <stdexcept>

namespace rondo::http {
namespace detail {
namespace {

// What is read of a body that nobody asked for, so that the connection can go on.
constexpr std::size_t most_drained = 64 * 1024;

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

// What a write meets, and a read of a file does not.
bool is_of_the_connection(std::error_code e) noexcept {
  if (e.category() == io_category()) return true;
  switch (e.category() == std::system_category() ? e.value() : 0) {
    case EPIPE:
    case ECONNRESET:
    case ECONNABORTED:
    case ENOTCONN:
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENETUNREACH:
    case ENETDOWN: return true;
    default: return false;
  }
}

}  // namespace

server_connection::server_connection(const server_state& s, transport stream)
    : server_(s),
      stream_(std::move(stream)),
      watch_(stream_, s.options.write_timeout_),
      parser_(s.options.limits_) {}

task<> server_connection::read() {
  return stream_.with([this](auto& stream) { return read_from(stream); });
}

// A head is read into a buffer that the loop lends, so that a connection that waits for one holds
// none; a body, and all that comes over TLS, into one of its own, which is larger.
template <class Stream>
task<> server_connection::read_from(Stream& stream) {
  lent_.give_back();
  try {
    if constexpr (std::same_as<Stream, plain_stream>) {
      if (body_ended_) {
        lent_ = co_await stream.receive();
        unread_ = lent_.bytes();
        co_return;
      }
    }
    if (!buffer_) buffer_ = make_read_buffer();
    const std::span<std::byte> room(buffer_.get(), read_buffer_bytes);
    const std::size_t n = co_await stream.read_some(room);
    unread_ = room.first(n);
  } catch (...) {
    lost_ = true;
    throw;
  }
}

task<> server_connection::write(std::string_view text) {
  return stream_.with([this, text](auto& stream) { return write_to(stream, text); });
}

// Piece by piece, so that the watch sees whether it moves.
template <class Stream>
task<> server_connection::write_to(Stream& stream, std::string_view text) {
  std::span<const std::byte> left = net::bytes_of(text);
  const write_watch::turn watched(watch_);
  try {
    while (!left.empty()) {
      left = left.subspan(co_await stream.write_some(left));
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

task<server_connection::head_state> server_connection::await_head() {
  // Between requests only the idle limit counts; from the first byte on, the head's.
  if (unread_.empty() && parser_.idle()) {
    if (!co_await try_for(server_.options.idle_timeout_, read()) || unread_.empty())
      co_return head_state::closed;
  }
  parse_step step = buffered_event();
  if (step.event == parse_event::need_more) {  // most heads come whole
    const auto later = co_await try_for(server_.options.header_timeout_, next_event());
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
    const auto step = co_await try_for(server_.options.idle_timeout_, next_event());
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
  const std::uint64_t most = server_.options.max_body_;
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
      body_error::reason::too_large,
      "the request's body is larger than " + std::to_string(server_.options.max_body_) + " bytes"));
  std::rethrow_exception(body_failure_);
}

net::endpoint server_connection::remote() noexcept {
  try {
    return stream_.socket().remote_endpoint();
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

// For a response that check_response() has seen.
task<> server_connection::send(server_response response, bool head_only) {
  const bool unsized = response.source_ && !response.size_;
  // RFC 9112, section 6.1: a 1.0 client knows no chunks; the end of the connection ends its body.
  const bool chunked = unsized && version_ == http::version::http_1_1;
  if (unsized && !chunked) keep_ = false;
  std::string text = response_head_text(response, version_, chunked, keep_);
  const bool streamed = response.source_ && !head_only;
  if (!response.source_ && !head_only) text += response.body_;
  co_await write(text);
  if (streamed) co_await send_body(response);
}

// A file's trouble is not the connection's: it is reported, and the client is cut off.
task<> server_connection::send_file(const file_body& body) {
  for (const file_body::piece& p : body.pieces()) {
    if (!p.before.empty()) co_await write(p.before);
    const write_watch::turn watched(watch_);
    for (std::uint64_t gone = 0; gone < p.size;) {
      std::size_t n = 0;
      try {
        n = co_await stream_.with([&](auto& stream) {
          return net::send_file_some(stream, body.file(), p.offset + gone, p.size - gone);
        });
      } catch (const std::system_error& e) {
        lost_ = is_of_the_connection(e.code());
        if (!lost_) stream_.reset();
        throw;
      }
      if (n == 0) {  // what was said of its length cannot be taken back
        stream_.reset();
        throw_file_shrank();
      }
      gone += n;
      watch_.moved();
    }
  }
}

task<> server_connection::send_body(server_response& response) {
  if (const auto* file = dynamic_cast<const file_body*>(response.source_.get())) {
    co_await send_file(*file);
    co_return;
  }
  const bool chunked = !response.size_ && version_ == http::version::http_1_1;
  std::uint64_t left = response.size_.value_or(0);
  std::string out;
  while (const std::optional<std::string> piece = co_await response.source_->next()) {
    if (piece->empty()) continue;
    if (chunked) {
      out.clear();
      write_chunk(out, *piece);
      co_await write(out);
      continue;
    }
    if (response.size_) {
      if (piece->size() > left) throw std::length_error("a response's body is longer than it said");
      left -= piece->size();
    }
    co_await write(*piece);
  }
  if (left > 0) throw std::length_error("a response's body is shorter than it said");
  if (!chunked) co_return;
  out.clear();
  write_last_chunk(out, {});
  co_await write(out);
}

task<> server_connection::refuse(int status, std::string_view why) {
  keep_ = false;
  co_await send(server_response::text(std::string(why) + '\n', status), false);
}

task<server_response> server_connection::handle(server_request& request) {
  router::match m = server_.routes.find(request.method(), request.path());
  if (!m.handler) co_return not_routed(request.method(), m);
  request.params_ = std::move(m.params);
  try {
    co_return co_await server_.handlers[*m.handler]->call(request);
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
  if (!is_well_known(method) && !server_.routes.has_method(method))
    return server_response::text("no such method\n", 501);
  if (found.malformed)
    return server_response::text("a \"%\" in the path without two hexadecimal digits\n", 400);
  if (found.allowed.empty()) return server_response::text("no such path\n", 404);
  return server_response::text("no such method here\n", 405).header("Allow", found.allowed);
}

server_response server_connection::about_the_server() const {
  static constexpr std::string_view options = "OPTIONS";
  const std::vector<std::string_view> methods = server_.routes.methods();
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
  check_response(response, head_only);
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

// What the client still sends must not turn our close into a reset that eats the response (RFC
// 9112, section 9.6).
task<> server_connection::part() {
  const outcome<void> told = co_await as_result(
      stream_.with([](auto& stream) { return rondo::detail::to_task(stream.shutdown_write()); }));
  if (told.has_error()) co_return;
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): try_for keeps it
  co_await try_for(std::chrono::seconds(1), [this]() -> task<> {
    do co_await read();
    while (!unread_.empty());
  });
}

task<> server_connection::run() {
  try {
    while (keep_) {
      int status = 0;
      std::string why;
      try {
        const head_state state = co_await await_head();
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
    co_await part();
  } catch (const std::system_error&) {
    if (!lost_) throw;  // of a response's source, and to be reported
  }
}

}  // namespace detail

// Of a request its connection knows what is still to come.
task<std::span<const std::byte>> server_request::next_chunk() { return connection_.next_chunk(); }

task<std::string> server_request::text() { return connection_.whole_body(); }

net::endpoint server_request::remote() const { return connection_.remote(); }

}  // namespace rondo::http
