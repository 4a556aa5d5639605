#include <rondo/http/server/forwarding.hpp>
#include <rondo/http/server/request_target.hpp>
#include <rondo/http/server/response_head.hpp>
#include <rondo/http/server/server_connection.hpp>
#include <rondo/http/wire/chunked.hpp>
#include <rondo/net/send_file.hpp>
#include <rondo/runtime/as_result.hpp>
#include <rondo/runtime/loop.hpp>

#include <algorithm>
#include <cerrno>
#include <concepts>
#include <limits>
#include <stdexcept>

namespace rondo::http {
namespace detail {
namespace {

// Answers are held up to this, while the next request is there already.
constexpr std::size_t most_held = 64 * 1024;

}  // namespace

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

// How a read is ended when its time is over: a stream of a kind that we do not know, by its end.
template <class Stream>
constexpr auto ends_of = std::same_as<Stream, net::any_stream> ? connection_clock::ends::stream
                                                               : connection_clock::ends::operation;

server_connection::server_connection(accepted_connection& c, first_bytes&& first) noexcept
    : server_exchange(c),
      parser_(c.options().limits_),
      lent_(std::move(first.lent)),
      buffer_(std::move(first.own)) {
  unread_ = buffer_ ? std::span<const std::byte>(buffer_.get(), first.size)
                    : std::span<const std::byte>(lent_.bytes());
}

server_connection::~server_connection() {
  if (resting_.armed()) rondo::detail::this_core().timers().disarm(resting_);
}

task<bool> server_connection::converse(accepted_connection& c, first_bytes first) {
  server_connection self(c, std::move(first));
  std::exception_ptr failed;
  try {
    co_await self.answer_all();
  } catch (...) {
    failed = std::current_exception();
  }
  // What was answered before that is not lost with it.
  if (failed && self.holds() && !self.lost_) (void)co_await as_result(self.flush());
  if (failed) {
    try {
      std::rethrow_exception(failed);
    } catch (const std::system_error&) {
      if (!self.lost_) throw;  // of a response's source, and to be reported
    }
    co_return false;
  }
  c.leave_peer_alone();
  if (!self.keep_ && !c.has_switched()) co_await self.linger();
  co_return self.keep_;
}

task<bool> server_connection::read(rondo::detail::time_point until) {
  return connection_.stream().with(
      [this, until](auto& stream) { return read_from(stream, until); });
}

// A head is read into a buffer that the loop lends; a body, and all that comes over TLS, into one
// of its own, which is larger.
template <class Stream>
task<bool> server_connection::read_from(Stream& stream, rondo::detail::time_point until) {
  lent_.give_back();
  const connection_clock::reading mine(clock(), until, ends_of<Stream>);
  if constexpr (std::same_as<Stream, plain_stream>) {
    if (body_ended_) {
      outcome<received_bytes> got = co_await receive_result(stream);
      if (got.has_value()) {
        lent_ = std::move(got).value();
        unread_ = lent_.bytes();
        co_return true;
      }
      if (mine.expired()) co_return false;
      lost_ = true;
      std::rethrow_exception(got.error());
    }
  }
  if (!buffer_) buffer_ = make_read_buffer();
  const std::span<std::byte> room(buffer_.get(), read_buffer_bytes);
  outcome<std::size_t> got = co_await as_result(stream.read_some(room));
  if (got.has_value()) {
    unread_ = room.first(got.value());
    co_return true;
  }
  if (mine.expired()) co_return false;
  lost_ = true;
  std::rethrow_exception(got.error());
}

task<> server_connection::flush() {
  return connection_.stream().with([this](auto& stream) { return flush_to(stream); });
}

// Piece by piece, so that the clock sees whether it moves.
template <class Stream>
task<> server_connection::flush_to(Stream& stream) {
  struct under_way {
    explicit under_way(bool& f) noexcept : flag(f) { flag = true; }
    under_way(const under_way&) = delete;
    under_way& operator=(const under_way&) = delete;
    ~under_way() { flag = false; }
    bool& flag;
  };
  const under_way now(writing_);
  connection_clock::writing mine(clock());
  while (holds()) {
    const outcome<std::size_t> n =
        co_await as_result(stream.write_some(net::bytes_of(held_).subspan(gone_)));
    if (!n.has_value()) {
      lost_ = true;
      std::rethrow_exception(n.error());
    }
    gone_ += n.value();
    mine.gone(n.value());
  }
  held_.clear();
  gone_ = 0;
}

void server_connection::hand_over() noexcept {
  in_handler_ = true;
  if (!resting_.armed())
    rondo::detail::this_core().timers().arm(resting_, rondo::detail::nanoseconds::zero());
}

void server_connection::handler_rests() noexcept {
  if (!in_handler_) return;
  if (!clock().is_reading()) connection_.watch_peer();  // whoever reads sees the end himself
  if (writing_ || !holds()) return;
  gone_ += connection_.stream().try_write(net::bytes_of(held_).subspan(gone_));
  if (holds()) return;  // the rest goes before the next answer
  held_.clear();
  gone_ = 0;
}

parse_step server_connection::buffered_event() {
  const parse_step step = parser_.next(unread_);
  unread_ = unread_.subspan(step.consumed);
  return step;
}

server_connection::head_state server_connection::refused(int status, std::string_view why) {
  refusal_ = status;
  refusal_why_ = why;
  return head_state::refused;
}

server_connection::head_state server_connection::buffered_head() {
  try {
    const parse_step step = buffered_event();
    if (step.event == parse_event::need_more) return head_state::incomplete;
    return step.event == parse_event::head ? head_state::came : head_state::closed;
  } catch (const protocol_error& e) {
    return refused(e.answer_status(), e.message());
  } catch (const body_error& e) {
    return refused(e.answer_status(), e.message());
  }
}

// Every head has a time of its own, from its first byte.
task<server_connection::head_state> server_connection::rest_of_head() {
  const rondo::detail::time_point until =
      rondo::detail::add(connection_clock::now(), options().header_timeout_);
  if (holds()) co_await flush();
  for (;;) {
    if (!co_await read(until)) co_return refused(408, "the request's head took too long");
    if (unread_.empty()) {
      try {
        parser_.finish();
        co_return head_state::closed;
      } catch (const protocol_error& e) {
        co_return refused(e.answer_status(), e.message());
      }
    }
    const head_state state = buffered_head();
    if (state != head_state::incomplete) co_return state;
  }
}

task<parse_step> server_connection::body_event() {
  for (;;) {
    const parse_step step = buffered_event();
    if (step.event != parse_event::need_more) co_return step;
    const rondo::detail::time_point begun = connection_clock::now();
    if (!co_await read(body_due(begun))) {
      const bool silent = connection_clock::now() - begun >= options().body_timeout_;
      throw timeout_error(phase::body, silent ? "the client sent no more of its body"
                                              : "the client sends its body too slowly");
    }
    body_waited_ += connection_clock::now() - begun;
    body_came_ += unread_.size();
    if (unread_.empty()) co_return parse_step{parser_.finish(), 0, {}};
  }
}

// What it throws is kept, so that it can be told from what others throw.
task<std::span<const std::byte>> server_connection::next_chunk() {
  if (body_ended_) co_return std::span<const std::byte>();
  try {
    // What a read that was cancelled had taken is nowhere.
    if (std::exchange(reading_, true))
      throw body_error(body_error::reason::truncated, "a read of the body was cancelled before");
    if (std::exchange(expects_continue_, false)) {
      held_ += "HTTP/1.1 100 Continue\r\n\r\n";
      co_await flush();
    }
    const parse_step step = co_await body_event();
    reading_ = false;
    if (in_handler_) hand_over();  // it may rest elsewhere from here on
    if (step.event == parse_event::body) {
      body_taken_ += step.body.size();
      if (body_taken_ > max_streamed_) refuse_body_of(max_streamed_);
      co_return step.body;
    }
  } catch (const http::error&) {
    body_failure_ = std::current_exception();
    throw;
  }
  body_ended_ = true;
  co_return std::span<const std::byte>();
}

task<bool> server_connection::drain() {
  if (expects_continue_) co_return body_ended_;  // it was never asked for, and may or may not come
  drain_until_ = rondo::detail::add(connection_clock::now(), options().drain_timeout_);
  try {
    if (holds()) co_await flush();
    for (std::size_t drained = 0; !body_ended_;) {
      drained += (co_await next_chunk()).size();
      if (drained > options().drain_bytes_) co_return false;
    }
  } catch (const http::error&) {
    co_return false;  // the response had been sent
  }
  co_return true;
}

// For a response that check_response() has seen: its head, and its body unless that is streamed.
void server_connection::hold(const server_response& response, bool head_only) {
  const bool unsized = response.source_ && !response.size_;
  // RFC 9112, section 6.1: a 1.0 client knows no chunks; the end of the connection ends its body.
  const bool chunked = unsized && version_ == http::version::http_1_1;
  if (unsized && !chunked) keep_ = false;
  write_response_head(held_, response, chunked,
                      keep_ ? std::string_view(state().kept) : std::string_view());
  if (!head_only) held_ += response.body_;
}

// The head goes with the first piece, if that is there at once; each piece goes as it comes.
// A file's trouble is not the connection's: it is reported, and the client is cut off.
task<> server_connection::send_file(const file_body& body) {
  for (const file_body::piece& p : body.pieces()) {
    held_ += p.before;
    if (holds()) co_await flush();
    connection_clock::writing mine(clock());
    for (std::uint64_t gone = 0; gone < p.size;) {
      const outcome<std::size_t> n = co_await as_result(connection_.stream().with([&](auto& s) {
        return net::send_file_some(s, body.file(), p.offset + gone, p.size - gone);
      }));
      if (n.has_value() && n.value() > 0) {
        gone += n.value();
        mine.gone(n.value());
        continue;
      }
      lost_ = n.has_error() && is_of_the_connection(n.code());
      if (!lost_) connection_.stream().reset();
      if (n.has_error()) std::rethrow_exception(n.error());
      throw_file_shrank();  // what was said of its length cannot be taken back
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
  for (;;) {
    std::optional<std::string> piece;
    {
      const elsewhere mine(*this);
      piece = co_await response.source_->next();
    }
    if (!piece) break;
    if (piece->empty()) continue;
    if (chunked) {
      write_chunk(held_, *piece);
    } else {
      if (response.size_) {
        if (piece->size() > left)
          throw std::length_error("a response's body is longer than it said");
        left -= piece->size();
      }
      held_ += *piece;
    }
    co_await flush();
  }
  if (left > 0) throw std::length_error("a response's body is shorter than it said");
  if (chunked) write_last_chunk(held_, response.source_->trailers());
}

void server_connection::refuse(int status, std::string_view why) {
  keep_ = false;
  hold(server_response::text(std::string(why) + '\n', status), false);
}

task<server_response> server_connection::handle(server_request& request, bool whole_server) {
  // What follows a CONNECT may be a tunnel's.
  if (request.method() == "CONNECT") keep_ = false;
  next& chain = state().routing.find(request, whole_server);
  const elsewhere mine(*this);
  try {
    co_return co_await chain(request);
  } catch (const http::error& e) {
    co_return blame(e);
  } catch (...) {
    if (lost_) throw;
    rondo::detail::report_unhandled(std::current_exception());
    co_return failed(500);
  }
}

task<> server_connection::answer() {
  server_request request(*this);
  request.head_ = parser_.take_head();
  version_ = request.head_.version;
  keep_ = connection_.take_request() && parser_.keep_alive();
  body_ended_ = false;
  body_failure_ = nullptr;
  body_came_ = unread_.size();
  body_waited_ = body_waited_.zero();
  drain_until_ = rondo::detail::never;
  reading_ = false;
  body_taken_ = 0;
  max_streamed_ = std::numeric_limits<std::uint64_t>::max();
  expects_continue_ = version_ == http::version::http_1_1 &&
                      parser_.framing() != body_framing::none &&
                      request.head_.headers.has_token("Expect", "100-continue");
  if (parser_.framing() == body_framing::none) {
    buffered_event();  // the end, which needs no further byte
    body_ended_ = true;
  }
  const request_target target = read_target(request.method(), request.target());
  if (target.problem != nullptr) {
    refuse(400, target.problem);
    co_return;
  }
  request.path_begin_ = target.path_begin;
  request.path_size_ = target.path_size;
  if (!target.authority.empty()) request.head_.headers.set("Host", target.authority);
  const bool head_only = request.method() == "HEAD";
  server_response response = co_await handle(request, target.whole_server);
  if (response.upgrade_) {
    if (may_switch(request, response)) {
      co_await switch_protocols(std::move(response));
      co_return;
    }
    const std::string protocol(response.headers_.get("Upgrade").value_or(""));
    response = server_response::text("this is for those who ask for " + protocol + '\n', 426)
                   .header("Upgrade", protocol);
  }
  check_response(response, head_only);
  if (body_failure_ || reading_ || (keep_ && !body_ended_ && expects_continue_) ||
      server().stopping())
    keep_ = false;
  if (held_.size() - gone_ + response.body_.size() > most_held && holds()) co_await flush();
  hold(response, head_only);
  try {
    if (response.events_ && response.source_ && !head_only) {
      const accepted_connection::streaming_events mine(connection_, *response.events_);
      co_await response.events_->run_beside(send_body(response));
    } else if (response.source_ && !head_only)
      co_await send_body(response);
    else if (held_.size() - gone_ > most_held)
      co_await flush();
  } catch (const http::error&) {
    // The client's own body, passed on as the response: what is wrong with it is the client's.
    if (std::current_exception() != body_failure_) throw;
    keep_ = false;
  }
  if (keep_ && !body_ended_ && !co_await drain()) keep_ = false;
}

bool server_connection::may_switch(const server_request& request,
                                   const server_response& response) const noexcept {
  return request.method() == "GET" && version_ == http::version::http_1_1 && parser_.upgrade() &&
         parser_.framing() == body_framing::none &&
         request.headers().has_token("Upgrade", response.headers_.get("Upgrade").value_or(""));
}

// What was read behind the head is the other protocol's.
task<> server_connection::switch_protocols(server_response response) {
  keep_ = false;
  connection_.leave_peer_alone();
  write_response_head(held_, response, false, {});
  co_await flush();
  std::string first(reinterpret_cast<const char*>(unread_.data()), unread_.size());
  unread_ = {};
  lent_.give_back();
  buffer_.reset();
  connection_.switch_to(std::move(response.upgrade_), std::move(first));
}

// What the client still sends must not turn our close into a reset that eats the response (RFC
// 9112, section 9.6).
task<> server_connection::linger() {
  connection_.becomes(accepted_connection::state::lingering);
  const outcome<void> told = co_await as_result(connection_.stream().with(
      [](auto& stream) { return rondo::detail::to_task(stream.shutdown_write()); }));
  if (told.has_error()) co_return;
  using rondo::detail::add;
  rondo::detail::time_point end = add(connection_clock::now(), options().linger_all_);
  do {
    if (server().stopping()) end = std::min(end, connection_.rest_ends());
    const rondo::detail::time_point gap = add(connection_clock::now(), options().linger_gap_);
    const outcome<bool> came = co_await as_result(read(std::min(end, gap)));
    if (!came.has_value() || !came.value()) co_return;
  } while (!unread_.empty());
}

task<> server_connection::answer_all() {
  while (keep_) {
    head_state head = buffered_head();
    if (head == head_state::incomplete) head = co_await rest_of_head();
    if (unread_.empty()) lent_.give_back();
    switch (head) {
      case head_state::closed: keep_ = false; break;
      case head_state::refused: refuse(refusal_, refusal_why_); break;
      default: co_await answer(); break;
    }
    if (unread_.empty()) break;
  }
  if (holds()) co_await flush();
}

}  // namespace detail
}  // namespace rondo::http
