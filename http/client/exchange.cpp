#include <rondo/http/client/dial.hpp>
#include <rondo/http/client/exchange.hpp>
#include <rondo/http/client/http2_link.hpp>
#include <rondo/http/client/request_head.hpp>
#include <rondo/http/errors.hpp>
#include <rondo/http/http2/head.hpp>
#include <rondo/http/wire/decode.hpp>
#include <rondo/runtime/core/probes.hpp>
#include <rondo/runtime/core/unhandled.hpp>
#include <rondo/runtime/scope.hpp>
#include <rondo/runtime/sleep.hpp>
#include <rondo/runtime/task_group.hpp>

#include <algorithm>
#include <array>

namespace rondo::http::detail {
namespace {

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

// How often a request is sent again that a server has not begun with (RFC 9113, section 8.7).
constexpr int most_unprocessed = 8;

}  // namespace

exchange::exchange(const client_state& s, request& r)
    : state_(s),
      request_(r),
      context_(s.options.settings_, r.own_.get(), r.url_),
      trip_(context_, r) {
  rondo::detail::probe::request_begins(this, r.method_.c_str(), r.url_.href().c_str());
}

exchange::~exchange() {
  rondo::detail::probe::request_ends(this, status_);
  // What is cancelled ends as a cancelled span.
  if (span_ && !is_unwinding()) span_->ends(span_end::error);
  if (told_ || !context_.is_traced()) return;
  try {
    context_.trace(trace_point::given_up);
  } catch (...) {
    rondo::detail::report_unhandled(std::current_exception());
  }
}

void exchange::begin_span() {
  span_ =
      std::make_unique<rondo::detail::span>(request_.method_, span_kind::client, current_trace());
  span_->set("http.request.method", request_.method_);
  span_->set("url.full", request_.url_.redacted());
  traceparent_ = span_->trace().traceparent();
}

void exchange::fail(const char* what) {
  context_.trace(trace_point::failed, what);
  told_ = true;
}

// What comes of the body the response tells.
void exchange::deliver(response& r) {
  incoming_response& in = *r.in_;
  in.history = std::move(history_);
  status_ = r.status();
  if (context_.is_traced()) {
    in.trace = context_.shared_tracer();
    in.number = context_.number();
    told_ = true;
    if (in.ended) context_.trace(trace_point::done);
  }
  if (!span_) return;
  span_->set("http.response.status_code", std::to_string(r.status()));
  span_->ends(r.status() >= 400 ? span_end::error : span_end::ok);
  if (!in.ended) in.span = std::move(span_);
  span_.reset();
}

void exchange::set_deadline(response& r, rondo::detail::time_point deadline) const noexcept {
  r.in_->deadline = deadline;
}

task<response> exchange::run() {
  prepare();
  begin_digest();
  for (int followed = 0;;) {
    request_policy* policy = state_.options.policy_.get();
    response r = co_await (policy ? policy->run(policy_call(*this)) : hop());
    if (digest_) state_.digests.hear(request_.url_, *digest_credentials(), r.headers());
    if (r.status() == 401 && answer_challenge(r)) continue;
    context_.enter(phase::redirect);
    const int most = context_.setting(&settings::redirects);
    std::optional<redirect_plan> plan;
    if (most > 0)
      plan = plan_redirect(request_.method_, request_.url_, r.status(), r.headers(),
                           context_.setting(&settings::insecure_redirects));
    if (!plan) {
      context_.enter(phase::body);
      deliver(r);
      if (context_.setting(&settings::raise)) r.raise_for_status();
      co_return r;
    }
    if (followed++ == most) throw too_many_redirects(most);
    follow(r, std::move(*plan));
  }
}

task<> exchange::run_beside(response_reader& reader) {
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): with_task_group keeps it
  co_await with_task_group([&](task_group& g) -> task<> {
    trip_.upload_in(g);
    response r = co_await run();
    co_await reader.read(r);
    // Who has not read all does not want to. Else the group waits for the body.
    if (trip_.upload_begun() && !trip_.response_was_read()) co_await trip_.stop_upload();
  });
}

void exchange::prepare() {
  trip_.expect_go_ahead(context_.setting(&settings::expect_continue));
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
  context_.enter(phase::url);
  if (request_.url_.scheme() != "http" && request_.url_.scheme() != "https")
    throw url_error("the client speaks http and https, not " + std::string(request_.url_.scheme()),
                    request_.url_.href(), 0);
  if (state_.options.connector_ && request_.url_.is_secure())
    throw url_error("the client's connector gives connections for http alone", request_.url_.href(),
                    0);
}

const std::optional<credentials>& exchange::digest_credentials() const noexcept {
  return context_.if_set(&settings::digest);
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
  if (!trip_.may_send_body_again()) return false;
  ++challenges_;
  r.finish_if_at_hand();
  request_.headers_.remove("Authorization");
  state_.digests.begin(request_.url_, *own, std::move(*challenge));
  digest_ = true;
  return true;
}

// Makes the request what the redirect asks for; the response becomes history.
void exchange::follow(response& r, redirect_plan plan) {
  context_.trace(trace_point::redirected, plan.url.href());
  if (!plan.drops_body && !trip_.may_send_body_again())
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
    trip_.expect_go_ahead(false);
  }
  request_.method_ = std::move(plan.method);
  request_.url_ = std::move(plan.url);
  begin_digest();
}

bool exchange::idempotent() const noexcept { return is_idempotent(request_.method_); }

bool exchange::may_send_again() const noexcept {
  return idempotent() && trip_.may_send_body_again();
}

bool exchange::may_be_doubled() const noexcept {
  return is_safe(request_.method_) && std::holds_alternative<std::monostate>(request_.body_);
}

task<response> exchange::attempt_apart() {
  context_.enter(phase::first_byte);  // as good a name as one can give to several
  request copy(request_.method_, request_.url_);
  copy.headers_ = request_.headers_;
  copy.cookies_ = request_.cookies_;
  copy.host_ = request_.host_;
  copy.upgrade_ = request_.upgrade_;
  if (request_.own_) copy.own_ = std::make_unique<settings>(*request_.own_);
  exchange apart(state_, copy);
  apart.told_ = true;  // it is a part of this one
  apart.traceparent_ = traceparent_;
  apart.context_.count_as(context_);
  apart.crossed_ = crossed_;
  apart.digest_ = digest_;
  try {
    co_return co_await apart.hop();
  } catch (http::error& error) {
    error.add_context(copy.url_.href(), apart.context_.current_phase());
    throw;
  }
}

task<response> exchange::hop() {
  refuse_what_cannot_be_sent();
  context_.trace(trace_point::begun, request_.method_);
  way_ = {};
  if (const auto& proxy = state_.options.proxy_)
    if (const http::url* by = proxy->for_target(request_.url_))
      way_ = {.proxy = by,
              .tunnel = proxy->tunnels(request_.url_),
              .speaks = proxy->kind_for(request_.url_)};
  if (!request_.upgrade_.empty()) [[unlikely]] {
    std::optional<response> tunnelled = co_await hop_by_tunnel();
    if (tunnelled) co_return std::move(*tunnelled);
  }
  const speaks how = spoken();
  const net::tls_context identity = tls_identity(how);
  std::string made;
  const std::string_view key = way_.key(request_.url_, identity ? identity.id() : 0, made);
  int unprocessed = 0;
  bool looked = false;
  for (reuse what = reuse::kept;;) {
    // One of an attempt before may have the last place.
    if (trip_.upload_begun()) co_await trip_.stop_upload();
    context_.enter(phase::pool);
    context_.trace(trace_point::queued);
    lease l;
    if (context_.limit(phase::pool) == no_limit)
      l = co_await state_.connections->acquire(key, what, how);
    else
      l = co_await context_.within(
          phase::pool, rondo::detail::to_task(state_.connections->acquire(key, what, how)));
    // What has come on a connection at rest, its reader looks at first.
    if (l.stream && !std::exchange(looked, true) && l.stream->is_in_doubt()) {
      l.drop();
      co_await yield_now();
      continue;
    }
    // What came before a request is no answer to it (RFC 9112, section 9.2). Nothing waits from
    // here to the first byte that is sent.
    while (l.conn && l.conn->stale()) l.replace();
    context_.trace(trace_point::granted, {}, l.conn || l.stream ? 1 : 0);
    if (!l.conn && !l.stream) co_await open(l, identity, how);
    const bool reused = l.conn ? begin_on(*l.conn, l.from()) : begin_on(*l.stream);
    try {
      if (l.conn) {
        std::string head = request_head_text(outgoing(digest_answer()));
        co_await trip_.run(*l.conn, head);
      } else {
        const http2_head head = request_head_fields(outgoing(digest_answer()));
        co_await trip_.run(*l.stream, head);
        // RFC 9110, section 15.5.20: once more, where nobody else has been.
        if (l.stream->status() == 421 && reused && what == reuse::kept &&
            trip_.may_send_body_again()) {
          l.stream->retire_connection();
          what = reuse::none;
          context_.trace(trace_point::retried);
          continue;
        }
      }
      co_return make_response(std::move(l));
    } catch (const round_trip::no_answer& e) {
      const bool answered = l.conn ? l.conn->answered : l.stream->answered;
      if (e.unprocessed && !answered && unprocessed++ < most_unprocessed &&
          trip_.may_send_body_again()) {
        context_.trace(trace_point::retried);
        continue;
      }
      if (!reused || answered || e.unprocessed) trip_.throw_failure(e);
      // Stale. Nothing of a response had come: the server had closed before it saw the request.
      if (what == reuse::none || !may_send_again())
        throw connect_error(std::make_error_code(std::errc::connection_reset),
                            round_trip::closed_silently, phase::first_byte);
      what = reuse::none;
      context_.trace(trace_point::retried);
    } catch (const round_trip::expectation_failed&) {
      trip_.expect_go_ahead(false);  // RFC 9110, section 10.1.1: again, without asking
    }
  }
}

// Where both ends agree on what they speak, only a connection that is open already is known to take
// it: a fresh one would have to be thrown away when it does not.
task<lease> exchange::place_for_tunnel(reuse what, speaks how) {
  const net::tls_context identity = tls_identity(how);
  std::string made;
  const std::string_view key = way_.key(request_.url_, identity ? identity.id() : 0, made);
  lease l;
  if (how == speaks::agreed) {
    l = what == reuse::kept ? state_.connections->take_for_tunnel(key) : lease();
    if (l && l.stream->is_in_doubt()) {
      l.drop();
      co_await yield_now();
      l = state_.connections->take_for_tunnel(key);
    }
    co_return l;
  }
  context_.enter(phase::pool);
  context_.trace(trace_point::queued);
  l = co_await context_.within(phase::pool,
                               rondo::detail::to_task(state_.connections->acquire(key, what, how)));
  context_.trace(trace_point::granted, {}, l.stream ? 1 : 0);
  if (!l.stream) co_await open(l, identity, how);
  context_.enter(phase::connect);
  if (!co_await context_.within(phase::connect, l.stream->takes_extended_connect())) l.drop();
  co_return l;
}

task<std::optional<response>> exchange::hop_by_tunnel() {
  const speaks how = spoken_without_upgrade();
  if (how == speaks::http_1) co_return std::nullopt;
  int let_go = 0;
  for (reuse what = reuse::kept;;) {
    lease l = co_await place_for_tunnel(what, how);
    if (!l) co_return std::nullopt;
    const bool reused = begin_on(*l.stream);
    try {
      const http2_head head = request_head_fields(outgoing(digest_answer()));
      co_await trip_.run(*l.stream, head);
      if (l.stream->status() != 421 || !reused || what == reuse::none)
        co_return make_response(std::move(l));
      l.stream->retire_connection();
      what = reuse::none;
    } catch (const round_trip::no_answer& e) {
      const bool again =
          e.unprocessed ? ++let_go <= most_unprocessed : reused && what == reuse::kept;
      if (l.stream->answered || !again) trip_.throw_failure(e);
      if (!e.unprocessed) what = reuse::none;
    }
    context_.trace(trace_point::retried);
  }
}

task<> exchange::open(lease& l, const net::tls_context& identity, speaks how) {
  const client_options& o = state_.options;
  context_.enter(phase::connect);
  if (o.connector_) {
    net::any_stream stream =
        co_await context_.within(phase::connect, o.connector_->connect(request_.url_));
    context_.trace(trace_point::connected);
    begin(l, std::move(stream), how);
    co_return;
  }
  plain_stream socket = co_await context_.within(
      phase::connect, dial(context_, way_,
                           {.unix_socket = o.unix_socket_ ? &*o.unix_socket_ : nullptr,
                            .sockets = o.sockets_ ? &*o.sockets_ : nullptr,
                            .guard = o.guard_.get(),
                            .limits = o.limits_}));
  context_.trace(trace_point::connected);
  transport stream = identity ? co_await context_.within(
                                    phase::tls, secure(context_, std::move(socket), identity, how))
                              : transport(std::move(socket));
  if (how == speaks::agreed && !agreed_on_http_2(stream)) how = speaks::http_1;
  begin(l, std::move(stream), how);
}

// On a fresh connection, when it is known what it speaks.
void exchange::begin(lease& l, transport stream, speaks how) {
  const parser_limits& limits = state_.options.limits_;
  if (how == speaks::http_1) {
    l.conn = std::make_unique<client_connection>(std::move(stream), limits);
    l.from().agreed_on_http_1(l);
    return;
  }
  frame_trace frames;
  if (context_.is_traced())
    frames = {context_.shared_tracer(), context_.number(), request_.url_.origin()};
  const std::shared_ptr<multiplexed> c = begin_http2(std::move(stream), limits, std::move(frames));
  try {
    l.from().agreed_on_http_2(l, c);
  } catch (const std::bad_alloc&) {
    c->close();
    throw;
  }
}

// RFC 9113, section 8.6: HTTP/2 has no Upgrade. What it has in its place hop_by_tunnel() tries.
speaks exchange::spoken() const noexcept {
  return request_.upgrade_.empty() ? spoken_without_upgrade() : speaks::http_1;
}

speaks exchange::spoken_without_upgrade() const noexcept {
  const http2 asked = state_.options.http2_;
  // A proxy that reads the request is asked as ever.
  if (asked == http2::never || way_.proxy_reads()) return speaks::http_1;
  if (asked == http2::prior_knowledge) return speaks::http_2;
  return features().http2 && request_.url_.is_secure() ? speaks::agreed : speaks::http_1;
}

net::tls_context exchange::tls_identity(speaks how) const try {
  if (!request_.url_.is_secure()) return {};
  client_state::tls_contexts& made = state_.tls;
  if (!made.given)
    made.given = state_.options.tls_ ? state_.options.tls_ : net::tls_context::client();
  // What the options' own context offers is what its owner wants.
  net::tls_context& c = made.offering[static_cast<std::size_t>(how)];
  if (!c) {
    const bool own = made.given.offers_protocols() && how != speaks::http_2;
    c = own                     ? made.given
        : how == speaks::http_1 ? made.given.offering({"http/1.1"})
        : how == speaks::http_2 ? made.given.offering({"h2"})
                                : made.given.offering({"h2", "http/1.1"});
  }
  return crossed_ ? c.without_certificate() : c;
} catch (const net::tls_error& e) {
  throw tls_error(e.what(), e.code());
}

// Makes the connection ready for this request; whether it has carried another before.
bool exchange::begin_on(client_connection& c, pool& p) {
  c.traced = context_.is_traced();
  c.lend(p.take_buffer());
  c.begin(request_.method_, !request_.upgrade_.empty());
  return std::exchange(c.reused, true);
}

bool exchange::begin_on(client_stream& c) noexcept {
  c.traced = context_.is_traced();
  return c.reused;
}

outgoing_request exchange::outgoing(const std::string& answer) const {
  outgoing_request r{.method = request_.method_,
                     .url = request_.url_,
                     .way = way_,
                     .host = request_.host_,
                     .own = request_.headers_,
                     .common = state_.options.headers_,
                     .authorization = answer,
                     .cookies = request_.cookies_,
                     .left_behind = crossed_ ? &state_.options.secret_headers_ : nullptr,
                     .jar = state_.options.jar_.get(),
                     .decodes = context_.setting(&settings::decode),
                     .asks_first = trip_.asks_first(),
                     .upgrade = request_.upgrade_,
                     .traceparent = traceparent_};
  if (const auto* whole = std::get_if<std::string>(&request_.body_)) {
    r.framing = body_framing::length;
    r.length = whole->size();
  } else if (const auto* streamed = std::get_if<request::stream_body>(&request_.body_)) {
    r.framing = streamed->size ? body_framing::length : body_framing::chunked;
    r.length = streamed->size.value_or(0);
  }
  return r;
}

std::string exchange::digest_answer() const {
  return digest_ ? state_.digests.authorize(request_.url_, *digest_credentials(), request_.method_)
                 : std::string();
}

std::pair<transport, std::string> exchange::take_over(response& r) {
  lease held = std::move(r.in_->from);
  if (!held) throw protocol_error("the server has ended the stream with its answer", 502);
  r.in_->ended = true;
  r.tell_end();
  if (held.conn) return held.conn->hand_over();
  return {held.stream->hand_over(), std::string()};
}

response exchange::make_response(lease l) {
  auto in = std::make_unique<incoming_response>(l.take_head(), request_.url_);
  const response_head& head = in->head;
  if (context_.is_traced()) {
    std::string text;
    write_head(text, head);
    context_.trace(trace_point::head, text, static_cast<std::uint64_t>(head.status));
  }
  if (cookie_jar* jar = state_.options.jar_.get()) jar->store_all(request_.url_, head.headers);
  // A part of a coded body cannot be decoded (RFC 9110, section 15.3.7).
  const bool decodes = context_.setting(&settings::decode) && head.status != 206;
  const bool has_body = l.has_body();
  if (decodes && has_body) {
    in->codings = content_codings(head.headers);
    in->max_decoded = context_.if_set(&settings::max_decoded);
  }
  in->limit = context_.setting(&settings::max_body);
  in->between_reads = context_.limit(phase::read);
  if (head.status == 101) {
    l.buffered_event();
    in->from = std::move(l);  // for whoever takes the connection over
  } else if (!has_body) {
    if (l.conn) l.conn->buffered_event();  // the end, which needs no further byte
    l.finish();
    in->ended = true;
  } else {
    in->from = std::move(l);
  }
  return response(std::move(in));
}

}  // namespace rondo::http::detail

namespace rondo::http {

const std::string& policy_call::method() const noexcept { return exchange_->method(); }
const http::url& policy_call::url() const noexcept { return exchange_->context().url(); }
bool policy_call::idempotent() const noexcept { return exchange_->idempotent(); }
bool policy_call::may_send_body_again() const noexcept { return exchange_->may_send_body_again(); }
bool policy_call::may_be_doubled() const noexcept { return exchange_->may_be_doubled(); }
task<response> policy_call::attempt() { return exchange_->attempt(); }
task<response> policy_call::attempt_apart() { return exchange_->attempt_apart(); }

}  // namespace rondo::http
