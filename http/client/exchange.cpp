#include <rondo/http/client/auth.hpp>
#include <rondo/http/client/dial.hpp>
#include <rondo/http/client/exchange.hpp>
#include <rondo/http/errors.hpp>
#include <rondo/http/wire/ascii.hpp>
#include <rondo/http/wire/decode.hpp>
#include <rondo/runtime/as_result.hpp>
#include <rondo/runtime/event.hpp>
#include <rondo/runtime/scope.hpp>
#include <rondo/runtime/task_group.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>

namespace rondo::http::detail {
namespace {

// Bodies up to this size go out in one write with the head, and the response is listened for
// afterwards. Larger ones could fill every buffer on the way while the server waits for us to read:
// we listen while we write.
constexpr std::size_t joined_body = 16 * 1024;
// What a request's head needs beside its URL and the fields that were given.
constexpr std::size_t usual_head_bytes = 160;
// How long a server that was asked (Expect) may keep silent before the body goes without its word.
constexpr auto expect_patience = std::chrono::seconds(1);

// RFC 9110, section 9.2.2.
bool is_idempotent(std::string_view method) noexcept {
  static constexpr std::array<std::string_view, 6> methods{"GET",    "HEAD",    "PUT",
                                                           "DELETE", "OPTIONS", "TRACE"};
  return std::ranges::find(methods, method) != methods.end();
}

// RFC 9110, section 9.2.1.
bool is_safe(std::string_view method) noexcept {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE";
}

constexpr const char* closed_silently = "the server closed the connection without an answer";

std::string chunk(std::string_view piece) {
  std::array<char, 20> size{};
  const auto end = std::to_chars(size.data(), size.data() + size.size(), piece.size(), 16).ptr;
  std::string out(size.data(), end);
  out += "\r\n";
  out += piece;
  out += "\r\n";
  return out;
}

std::atomic<std::uint64_t> exchanges_traced{0};

}  // namespace

exchange::exchange(const client_state& s, request& r) : state_(s), request_(r) {
  const settings& all = s.options.settings_;
  trace_ = r.own_ && r.own_->trace ? r.own_->trace.get() : all.trace.get();
  if (trace_) number_ = ++exchanges_traced;
}

rondo::detail::nanoseconds exchange::limit(http::phase p) const noexcept {
  if (request_.own_)
    if (const auto own = request_.own_->limits.get(p)) return *own;
  return state_.options.settings_.limits.get(p).value_or(no_limit);
}

void exchange::set_deadline(response& r, rondo::detail::time_point deadline) const noexcept {
  r.in_->deadline = deadline;
}

void exchange::tell(trace_point what, std::string_view text, std::uint64_t number) {
  tell(what, text, number, trace_clock());
}

void exchange::tell(trace_point what, std::string_view text, std::uint64_t number,
                    std::chrono::steady_clock::time_point at) {
  const std::string shown = request_.url_.redacted();
  trace_->on({what, number_, at, shown, text, number});
}

// What `t` gives, or timeout_error(p) when the phase's own time has run out.
template <class T>
task<T> exchange::within(http::phase p, task<T> t) {
  const rondo::detail::nanoseconds d = limit(p);
  if (d == no_limit) co_return co_await std::move(t);
  auto result = co_await try_for(d, std::move(t));
  if (!result) throw timeout_error(p);
  if constexpr (!std::is_void_v<T>) co_return std::move(*result);
}

task<response> exchange::run() {
  prepare();
  begin_digest();
  for (int followed = 0;;) {
    request_policy* policy = state_.options.policy_.get();
    response r = co_await (policy ? policy->run(policy_call(*this)) : hop());
    if (digest_) state_.digests.hear(request_.url_, *digest_credentials(), r.headers());
    if (r.status() == 401 && answer_challenge(r)) continue;
    phase_ = phase::redirect;
    const int most = setting(&settings::redirects);
    std::optional<redirect_plan> plan;
    if (most > 0)
      plan = plan_redirect(request_.method_, request_.url_, r.status(), r.headers(),
                           setting(&settings::insecure_redirects));
    if (!plan) {
      phase_ = phase::body;
      r.in_->history = std::move(history_);
      if (setting(&settings::raise)) r.raise_for_status();
      co_return r;
    }
    if (followed++ == most) throw too_many_redirects(most);
    follow(r, std::move(*plan));
  }
}

task<> exchange::run_beside(response_reader& reader) {
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): with_task_group keeps it
  co_await with_task_group([&](task_group& g) -> task<> {
    uploads_ = &g;
    response r = co_await run();
    co_await reader.read(r);
    // Who has not heard all does not want to. Else the group waits for the body.
    if (writing_ && !both_->heard_all) co_await stop_upload();
  });
}

void exchange::prepare() {
  expects_ = setting(&settings::expect_continue);
  // RFC 9110, section 4.2.4: userinfo is never sent as part of a URL.
  if (!request_.url_.has_credentials() || request_.headers_.contains("Authorization")) return;
  try {
    request_.basic_auth(percent_decode(request_.url_.username()),
                        percent_decode(request_.url_.password()));
  } catch (const std::invalid_argument& e) {
    throw url_error(e.what(), request_.url_.href(), 0);
  }
}

void exchange::refuse_what_cannot_be_sent() {
  phase_ = phase::url;
  if (request_.url_.scheme() != "http" && request_.url_.scheme() != "https")
    throw url_error("the client speaks http and https, not " + std::string(request_.url_.scheme()),
                    request_.url_.href(), 0);
}

const std::optional<credentials>& exchange::digest_credentials() const noexcept {
  return request_.own_ && request_.own_->digest ? request_.own_->digest
                                                : state_.options.settings_.digest;
}

// A request to where a challenge was answered before brings its answer unasked.
void exchange::begin_digest() {
  const std::optional<credentials>& own = digest_credentials();
  digest_ = own && !crossed_ && !request_.headers_.contains("Authorization") &&
            state_.digests.covers(request_.url_, *own);
}

// Digest: true when the request is to be sent again, with what the server asked for.
bool exchange::answer_challenge(response& r) {
  const std::optional<credentials>& own = digest_credentials();
  if (!own || crossed_) return false;
  std::optional<digest_challenge> challenge = find_digest_challenge(r.headers());
  // A second one is answered when it says that the nonce was too old.
  if (!challenge || challenges_ > 1 || (challenges_ == 1 && !challenge->stale)) {
    if (digest_) state_.digests.end(request_.url_, *own);
    digest_ = false;
    return false;
  }
  if (!may_send_body_again()) return false;
  ++challenges_;
  r.finish_if_at_hand();
  request_.headers_.remove("Authorization");
  state_.digests.begin(request_.url_, *own, std::move(*challenge));
  digest_ = true;
  return true;
}

// Makes the request what the redirect asks for; the response becomes history.
void exchange::follow(response& r, redirect_plan plan) {
  trace(trace_point::redirected, plan.url.href());
  if (!plan.drops_body && !may_send_body_again())
    throw body_error(
        body_error::reason::not_repeatable,
        "the redirect to " + plan.url.href() +
            " asks for the request's body again, and a streamed body can be sent once");
  r.finish_if_at_hand();
  history_.push_back({.method = request_.method_,
                      .url = std::move(r.in_->url),
                      .status = r.status(),
                      .headers = std::move(r.in_->head.headers)});
  strip_fields(request_.headers_, plan);
  challenges_ = 0;
  if (plan.other_origin) {
    crossed_ = true;
    request_.cookies_.clear();
    request_.host_.clear();
    for (const std::string& name : state_.options.secret_headers_) request_.headers_.remove(name);
  }
  if (plan.drops_body) {
    request_.body_ = std::monostate();
    expects_ = false;
  }
  request_.method_ = std::move(plan.method);
  request_.url_ = std::move(plan.url);
  begin_digest();
}

bool exchange::may_send_body_again() const noexcept {
  const auto* streamed = std::get_if<request::stream_body>(&request_.body_);
  return !streamed || streamed->factory || !body_taken_;
}

// At another origin.
bool exchange::stays_behind(std::string_view field_name) const noexcept {
  return is_secret(field_name) ||
         std::ranges::any_of(state_.options.secret_headers_,
                             [&](const std::string& n) { return iequals(n, field_name); });
}

bool exchange::idempotent() const noexcept { return is_idempotent(request_.method_); }

bool exchange::may_send_again() const noexcept { return idempotent() && may_send_body_again(); }

bool exchange::may_be_doubled() const noexcept {
  return is_safe(request_.method_) && std::holds_alternative<std::monostate>(request_.body_);
}

task<response> exchange::attempt_apart() {
  phase_ = phase::first_byte;  // as good a name as one can give to several
  request copy(request_.method_, request_.url_);
  copy.headers_ = request_.headers_;
  copy.cookies_ = request_.cookies_;
  copy.host_ = request_.host_;
  if (request_.own_) copy.own_ = std::make_unique<settings>(*request_.own_);
  exchange apart(state_, copy);
  apart.number_ = number_;
  apart.crossed_ = crossed_;
  apart.digest_ = digest_;
  try {
    co_return co_await apart.hop();
  } catch (http::error& error) {
    error.add_context(apart.url().href(), apart.current_phase());
    throw;
  }
}

task<response> exchange::hop() {
  refuse_what_cannot_be_sent();
  trace(trace_point::begun, request_.method_);
  way_ = {};
  if (const auto& proxy = state_.options.proxy_)
    if (const http::url* by = proxy->for_target(request_.url_))
      way_ = {.proxy = by, .tunnel = proxy->tunnels(request_.url_)};
  std::uint64_t identity = 0;
  try {
    if (request_.url_.is_secure()) identity = tls_identity().id();
  } catch (const net::tls_error& e) {
    throw tls_error(e.what(), e.code());
  }
  std::string made;
  const std::string_view key = way_.key(request_.url_, identity, made);
  for (reuse what = reuse::kept;;) {
    if (writing_) co_await stop_upload();  // of an attempt before; it may have the last place
    phase_ = phase::pool;
    trace(trace_point::queued);
    lease l;
    if (limit(phase::pool) == no_limit)
      l = co_await state_.connections->acquire(key, what);
    else
      l = co_await within(phase::pool,
                          rondo::detail::to_task(state_.connections->acquire(key, what)));
    // What came before a request is no answer to it (RFC 9112, section 9.2). Nothing waits from
    // here to the first byte that is sent.
    while (l.conn && l.conn->stale()) l.replace();
    trace(trace_point::granted, {}, l.conn ? 1 : 0);
    if (!l.conn) co_await open(l);
    const bool reused = begin_on(*l.conn, l.from());
    try {
      co_await send_and_hear(*l.conn);
      co_return make_response(std::move(l));
    } catch (const no_answer& e) {
      if (!reused || l.conn->answered) {
        if (unsent_) throw_unsent(*unsent_);
        throw connect_error(e.code, e.what, phase_);
      }
      // Stale. Nothing of a response had come: the server had closed before it saw the request.
      if (what == reuse::none || !may_send_again())
        throw connect_error(std::make_error_code(std::errc::connection_reset), closed_silently,
                            phase::first_byte);
      what = reuse::none;
      trace(trace_point::retried);
    } catch (const expectation_failed&) {
      expects_ = false;  // RFC 9110, section 10.1.1: again, without asking
    }
  }
}

task<> exchange::open(lease& l) {
  phase_ = phase::connect;
  plain_stream socket = co_await within(phase::connect, dial(*this));
  trace(trace_point::connected);
  transport stream = request_.url_.is_secure()
                         ? co_await within(phase::tls, secure(*this, std::move(socket)))
                         : transport(std::move(socket));
  l.conn = std::make_unique<connection>(std::move(stream), state_.options.limits_);
}

net::tls_context exchange::tls_identity() const {
  net::tls_context& made = state_.tls;
  if (!made)
    made = state_.options.tls_
               ? state_.options.tls_
               : net::tls_context::client(net::tls_client_options().alpn({"http/1.1"}));
  return crossed_ ? made.without_certificate() : made;
}

// The server may have answered before it closed: its answer counts for more than our failure. What
// fails on this side leaves the connection open, and nobody answers half a request.
void exchange::keep_failure(const write_failure& e) {
  const bool over = e.code == std::errc::broken_pipe || e.code == std::errc::connection_reset ||
                    e.code == std::errc::timed_out || e.code == std::errc::host_unreachable ||
                    e.code == std::errc::network_unreachable;
  const bool ours = e.code.category() == std::system_category() && !over;
  if (ours) throw_unsent(e);
  unsent_ = e;
}

void exchange::throw_unsent(const write_failure& e) {
  throw connect_error(e.code, "the request could not be sent", phase::write);
}

// Makes the connection ready for this request; whether it has carried another before.
bool exchange::begin_on(connection& c, pool& p) {
  c.traced = trace_ != nullptr;
  c.lend(p.take_buffer());
  c.begin(request_.method_);
  unsent_.reset();
  return std::exchange(c.reused, true);
}

// Sends the request and reads up to the head of the response that counts.
task<> exchange::send_and_hear(connection& c) {
  phase_ = phase::write;
  const bool streamed = std::holds_alternative<request::stream_body>(request_.body_);
  const auto* whole = std::get_if<std::string>(&request_.body_);
  if (streamed || (whole && (whole->size() > joined_body || (expects_ && !whole->empty())))) {
    c.half_sent = true;  // until the body has gone
    if (!expects_) open_body();
    // Alone, and before anything is heard: what comes before it would answer nobody.
    const std::string head = head_text();
    try {
      co_await put(c, head);
    } catch (const write_failure& e) {
      keep_failure(e);
    }
    trace(trace_point::head_sent, head);
    if (unsent_) {
      co_await hear_in_time(c);
      co_return;
    }
    if (expects_) {
      phase_ = phase::first_byte;
      const auto said = co_await try_for(expect_patience, hear(c, true));
      if (said == heard::final_head) {
        if (c.parser().head().status == 417) throw expectation_failed();
        co_return;  // the answer, and nobody wants the body
      }
      open_body();
    }
    co_await send_while_hearing(c);
    co_return;
  }
  std::string text = head_text();
  const std::size_t head_size = text.size();
  if (whole) text += *whole;
  try {
    co_await put(c, text);
  } catch (const write_failure& e) {
    c.half_sent = true;
    keep_failure(e);
  }
  trace(trace_point::head_sent, std::string_view(text).substr(0, head_size));
  trace(trace_point::sent);
  co_await hear_in_time(c);
}

task<> exchange::hear_in_time(connection& c) {
  phase_ = phase::first_byte;
  if (limit(phase::first_byte) == no_limit)
    co_await hear(c, false);
  else
    co_await within(phase::first_byte, hear(c, false));
}

// Both ways at once. An answer that is no success ends the upload, as RFC 9112, section 9.5 wants.
// Beside a success it goes on: who has said 200 may be reading still, and half a body must not pass
// for the whole.
task<> exchange::send_while_hearing(connection& c) {
  phase_ = phase::write;
  both_ = std::make_shared<upload>();
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): with_task_group keeps it
  co_await with_task_group([&](task_group& g) -> task<> {
    auto reading = g.spawn(hear_and_say(c));
    if (uploads_) c.sending = both_;
    writing_ = (uploads_ ? *uploads_ : g).spawn(send_and_say(c));
    co_await both_->moved.wait();
    if (!both_->answered) {
      phase_ = phase::first_byte;
      const auto heard_it =
          co_await within(phase::first_byte, rondo::detail::to_task(reading.join()));
      if (!heard_it.has_value()) co_return;  // its error ends the group
    }
    if (c.parser().head().status >= 300)
      co_await stop_upload();
    else if (!writing_->done())
      phase_ = phase::write;
  });
}

task<> exchange::stop_upload() {
  writing_->cancel();
  static_cast<void>(co_await writing_->join());
  writing_.reset();
  both_.reset();
}

task<> exchange::hear_and_say(connection& c) {
  co_await hear(c, false);
  both_->answered = true;
  both_->moved.set();
}

task<> exchange::send_and_say(connection& c) {
  try {
    co_await write_body(c);
    c.half_sent = false;
  } catch (const write_failure& e) {
    keep_failure(e);
  }
  trace(trace_point::sent);
  c.sending.reset();
  both_->moved.set();
  if (both_->rest) both_->rest.finish();
}

// Reads to the head of the final response, or to a 100 when `until_go_ahead`. May be called again
// after it was cancelled: what had come is not lost.
task<exchange::heard> exchange::hear(connection& c, bool until_go_ahead) {
  for (;;) {
    parse_step step{};
    try {
      step = co_await c.next_event();
    } catch (const net::tls_truncated& e) {
      throw no_answer{e.code(), "the connection was lost before the answer"};
    } catch (const net::tls_error& e) {  // the server has said why: no use in trying again
      throw tls_error(e.what(), e.code());
    } catch (const std::system_error& e) {
      throw no_answer{e.code(), "the connection was lost before the answer"};
    }
    if (step.event == parse_event::need_more)
      throw no_answer{std::make_error_code(std::errc::connection_reset), closed_silently};
    if (step.event != parse_event::head) continue;  // the end of an interim response
    const int status = c.parser().head().status;
    if (status >= 200) {
      if (trace_) tell(trace_point::first_byte, {}, 0, c.first_byte_at);
      co_return heard::final_head;
    }
    trace(trace_point::interim, {}, static_cast<std::uint64_t>(status));
    if (status == 100 && until_go_ahead) co_return heard::go_ahead;
  }
}

response exchange::make_response(lease l) {
  connection& c = *l.conn;
  auto in = std::make_unique<incoming_response>(c.parser().take_head(), request_.url_);
  const response_head& head = in->head;
  if (trace_) {
    std::string text;
    write_head(text, head);
    trace(trace_point::head, text, static_cast<std::uint64_t>(head.status));
  }
  if (cookie_jar* jar = state_.options.jar_.get()) jar->store_all(request_.url_, head.headers);
  // A part of a coded body cannot be decoded (RFC 9110, section 15.3.7).
  const bool decodes = setting(&settings::decode) && head.status != 206;
  if (decodes && c.parser().framing() != body_framing::none) {
    in->codings = content_codings(head.headers);
    const bool own = request_.own_ && request_.own_->max_decoded;
    in->max_decoded = own ? request_.own_->max_decoded : state_.options.settings_.max_decoded;
  }
  if (trace_) {
    in->trace = request_.own_ && request_.own_->trace ? request_.own_->trace
                                                      : state_.options.settings_.trace;
    in->number = number_;
  }
  in->limit = setting(&settings::max_body);
  in->between_reads = limit(phase::read);
  if (c.parser().framing() == body_framing::none) {
    c.buffered_event();  // the end, which needs no further byte
    l.finish();
    trace(trace_point::done);
  } else {
    in->from = std::move(l);
  }
  return response(std::move(in));
}

// Written straight into the text that is sent. What is added by name holds no byte that a field may
// not; what comes from outside was checked when it became a header field, or a cookie below.
std::string exchange::head_text() const {
  const http::headers& own = request_.headers_;
  const http::headers& common = state_.options.headers_;
  const std::string secret = way_.proxy_reads() ? proxy_authorization(*way_.proxy) : std::string();
  const std::string answer =
      digest_ ? state_.digests.authorize(request_.url_, *digest_credentials(), request_.method_)
              : std::string();
  // What is meant for a proxy does not go through a tunnel.
  const bool own_proxy_secret = secret.empty() && !way_.tunnel;
  const auto passes = [&](std::string_view name) {
    return (own_proxy_secret || !iequals(name, "Proxy-Authorization")) &&
           (answer.empty() || !iequals(name, "Authorization"));
  };
  const auto common_passes = [&](std::string_view name) {
    return !own.contains(name) && !(crossed_ && stays_behind(name)) && passes(name);
  };
  const auto sent = [&](std::string_view name) {
    return own.contains(name) || (common.contains(name) && common_passes(name));
  };

  std::string text;
  text.reserve(usual_head_bytes + request_.url_.href().size() + own.wire().size() +
               common.wire().size());
  const std::string_view target = request_.url_.target();
  if (way_.proxy_reads())  // absolute-form
    write_request_line(text, request_.method_, request_.url_.origin().append(target));
  else
    write_request_line(text, request_.method_, target);
  const auto field = [&text](std::string_view name, std::string_view value) {
    text += name;
    text += ": ";
    text += value;
    text += "\r\n";
  };
  field("Host", request_.host_.empty() ? request_.url_.host_header() : request_.host_);
  for (const auto& [name, value] : own)
    if (passes(name)) field(name, value);
  const bool common_cookie = common.contains("Cookie") && common_passes("Cookie");
  for (const auto& [name, value] : common)
    if (common_passes(name) && !(common_cookie && iequals(name, "Cookie"))) field(name, value);
  if (!answer.empty()) field("Authorization", answer);
  if (!secret.empty()) field("Proxy-Authorization", secret);
  if (!own.contains("Cookie")) {  // a Cookie field of the request's own is all of it
    std::string cookies = request_.cookies_;
    const auto add = [&cookies](std::string_view more) {
      if (!cookies.empty() && !more.empty()) cookies += "; ";
      cookies += more;
    };
    if (common_cookie) add(*common.get("Cookie"));
    if (cookie_jar* jar = state_.options.jar_.get())
      add(jar->header_for(request_.url_, cookies.size()));
    if (!cookies.empty()) text += http::headers{{"Cookie", cookies}}.wire();
  }
  if (!sent("User-Agent")) text += "User-Agent: rondo\r\n";
  if (!sent("Accept")) text += "Accept: */*\r\n";
  if (setting(&settings::decode) && !sent("Accept-Encoding")) {
    // A range is of the bytes as they are sent: a slice of a coded body could not be read (Fetch,
    // "HTTP-network-or-cache fetch"). Without the field a server might choose any coding (RFC 9110,
    // section 12.5.3).
    const bool ranged = sent("Range") || sent("If-Range");
    field("Accept-Encoding", ranged ? std::string_view("identity") : accepted_codings());
  }
  if (sent("TE")) field("Connection", "TE");  // RFC 9110, section 10.1.4

  const auto* streamed = std::get_if<request::stream_body>(&request_.body_);
  const auto* whole = std::get_if<std::string>(&request_.body_);
  if (streamed && !streamed->size) {
    field("Transfer-Encoding", "chunked");
  } else if (streamed) {
    field("Content-Length", std::to_string(*streamed->size));
  } else if (whole || request_.method_ == "POST" || request_.method_ == "PUT" ||
             request_.method_ == "PATCH") {
    // RFC 9110, section 8.6: a method that expects a body says 0 when there is none.
    field("Content-Length", std::to_string(whole ? whole->size() : 0));
  }
  if (expects_ && (streamed || (whole && !whole->empty()))) field("Expect", "100-continue");
  text += "\r\n";
  return text;
}

// What is not the connection's (no memory) passes as it is: no answer can be waited for then.
template <class T>
void exchange::throw_failure_of(const outcome<T>& written) {
  if (!written.code()) std::rethrow_exception(written.error());
  throw write_failure{written.code()};
}

// `text` is kept by the caller until it has gone.
task<> exchange::put(connection& c, std::string_view text) {
  const rondo::detail::nanoseconds d = limit(phase::write);
  if (d == no_limit) {
    const std::span<const std::byte> bytes = net::bytes_of(text);
    const outcome<void> written = c.stream().tls()
                                      ? co_await as_result(c.stream().tls()->write_all(bytes))
                                      : co_await as_result(c.stream().plain().write_all(bytes));
    if (!written.has_value()) throw_failure_of(written);
    co_return;
  }
  for (std::string_view left = text; !left.empty();) {
    const std::span<const std::byte> bytes = net::bytes_of(left);
    const auto written = c.stream().tls()
                             ? co_await try_for(d, as_result(c.stream().tls()->write_some(bytes)))
                             : co_await try_for(d, as_result(c.stream().plain().write_some(bytes)));
    if (!written) throw timeout_error(phase::write);
    if (!written->has_value()) throw_failure_of(*written);
    left.remove_prefix(written->value());
  }
}

void exchange::open_body() {
  auto* streamed = std::get_if<request::stream_body>(&request_.body_);
  if (!streamed) return;
  if (streamed->factory)
    streamed->source = streamed->factory->open();
  else if (body_taken_)
    throw body_error(body_error::reason::not_repeatable, "a streamed body can be sent once");
  body_taken_ = true;
}

task<> exchange::write_body(connection& c) {
  if (const auto* whole = std::get_if<std::string>(&request_.body_))
    co_await put(c, *whole);
  else
    co_await write_stream(c);
}

task<> exchange::write_stream(connection& c) {
  auto& body = std::get<request::stream_body>(request_.body_);
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
  if (body.size) {
    if (sent < *body.size)
      throw body_error(body_error::reason::truncated, "the request's body is shorter than it said");
    co_return;
  }
  std::string end = "0\r\n";
  end += body.source->trailers().wire();
  end += "\r\n";
  co_await put(c, end);
}

}  // namespace rondo::http::detail

namespace rondo::http {

const std::string& policy_call::method() const noexcept { return exchange_->method(); }
const http::url& policy_call::url() const noexcept { return exchange_->url(); }
bool policy_call::idempotent() const noexcept { return exchange_->idempotent(); }
bool policy_call::may_send_body_again() const noexcept { return exchange_->may_send_body_again(); }
bool policy_call::may_be_doubled() const noexcept { return exchange_->may_be_doubled(); }
task<response> policy_call::attempt() { return exchange_->attempt(); }
task<response> policy_call::attempt_apart() { return exchange_->attempt_apart(); }

}  // namespace rondo::http
