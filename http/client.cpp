#include <rondo/http/client.hpp>
#include <rondo/http/client/exchange.hpp>
#include <rondo/http/errors.hpp>
#include <rondo/http/websocket/handshake.hpp>
#include <rondo/runtime/loop.hpp>
#include <rondo/runtime/scope.hpp>
#include <rondo/runtime/span.hpp>

#include <optional>
#include <stdexcept>

namespace rondo::http {

client::client(client_options options) {
  if (options.proxy_ && options.guard_)
    throw std::invalid_argument("a guard cannot see what a proxy connects to: give one of them");
  if (options.unix_socket_) {
    const char* const other = options.proxy_     ? "a proxy"
                              : options.guard_   ? "a guard"
                              : options.sockets_ ? "how TCP connects"
                                                 : nullptr;
    if (other)
      throw std::invalid_argument(options.unix_socket_->to_string() +
                                  " is where every connection goes: " + other +
                                  " has no effect beside it");
  }
  if (options.connector_ &&
      (options.proxy_ || options.guard_ || options.sockets_ || options.unix_socket_))
    throw std::invalid_argument(
        "a connector is where every connection comes from: a proxy, a guard, a Unix socket and how "
        "TCP connects have no effect beside it");
  if (options.http2_ == http2::prior_knowledge && !features().http2)
    throw std::logic_error("Rondo was built without HTTP/2");
  auto s = std::make_shared<detail::client_state>(
      detail::client_state{std::move(options), nullptr, {}, {}});
  s->connections = std::make_shared<detail::pool>(s->options.pool_);
  state_ = std::move(s);
}

request client::make(std::string_view method, std::string_view url) const {
  const std::optional<http::url>& base = state_->options.base_;
  return base ? request(method, http::url::parse(url, *base)) : request(method, url);
}

// By value, like every argument of what gives a task: nobody has to know that these read it at
// once.
// NOLINTBEGIN(performance-unnecessary-value-param)
task<response> client::get(std::string url) { return send(make("GET", url)); }
task<response> client::head(std::string url) { return send(make("HEAD", url)); }
task<response> client::post(std::string url, std::string body) {
  return send(make("POST", url).body(std::move(body)));
}
task<response> client::put(std::string url, std::string body) {
  return send(make("PUT", url).body(std::move(body)));
}
task<response> client::patch(std::string url, std::string body) {
  return send(make("PATCH", url).body(std::move(body)));
}
task<response> client::del(std::string url) { return send(make("DELETE", url)); }
// NOLINTEND(performance-unnecessary-value-param)

namespace {

[[noreturn]] void throw_out_of_time(const detail::exchange_context& e) {
  throw timeout_error(phase::total,
                      "while in phase \"" + std::string(to_string(e.current_phase())) + '"');
}

[[noreturn]] void throw_with_context(detail::exchange& e, http::error& error) {
  error.add_context(e.context().url().href(), e.context().current_phase());
  e.fail(error.what());
  throw;
}

}  // namespace

task<response> client::send(request r) {
  // The client itself may go before the response.
  const std::shared_ptr<const detail::client_state> kept = state_;
  detail::exchange e(*kept, r);
  if (rondo::detail::traces_exist()) [[unlikely]]
    e.begin_span();
  const rondo::detail::nanoseconds total = e.context().limit(phase::total);
  const bool limited = total != detail::no_limit;
  const rondo::detail::time_point deadline =
      limited ? rondo::detail::add(this_loop().now(), total) : rondo::detail::never;
  try {
    if (!limited) co_return co_await e.run();
    std::optional<response> result = co_await try_for(total, e.run());
    if (!result) throw_out_of_time(e.context());
    e.set_deadline(*result, deadline);
    co_return std::move(*result);
  } catch (http::error& error) {
    throw_with_context(e, error);
  }
}

task<> client::send_beside(request r, detail::response_reader& reader) {
  const std::shared_ptr<const detail::client_state> kept = state_;
  detail::exchange e(*kept, r);
  if (rondo::detail::traces_exist()) [[unlikely]]
    e.begin_span();
  const rondo::detail::nanoseconds total = e.context().limit(phase::total);
  try {
    if (total == detail::no_limit)
      co_await e.run_beside(reader);
    else if (!co_await try_for(total, e.run_beside(reader)))
      throw_out_of_time(e.context());
  } catch (http::error& error) {
    throw_with_context(e, error);
  }
}

namespace {

// For the whole of opening a WebSocket, when nobody has said otherwise.
constexpr std::chrono::seconds websocket_opening(30);

// ws and wss are http and https until the connection is there (RFC 6455, section 3).
http::url as_http(const http::url& u) {
  const std::string_view scheme = u.scheme();
  if (scheme != "ws" && scheme != "wss") return u;
  std::string text(scheme == "ws" ? "http" : "https");
  text += u.href().substr(scheme.size());
  return http::url::parse(text);
}

}  // namespace

// NOLINTNEXTLINE(performance-unnecessary-value-param): read at once
task<websocket> client::websocket(std::string url, websocket_options options) {
  return websocket(make("GET", url), std::move(options));
}

task<websocket> client::websocket(request r, websocket_options options) {
  if (r.method_ != "GET" || !std::holds_alternative<std::monostate>(r.body_))
    throw std::invalid_argument("a WebSocket is asked for by a GET without a body");
  r.url_ = as_http(r.url_);
  const http::url asked = r.url_;
  r.upgrade_ = "websocket";
  const std::string key = detail::make_websocket_key();
  detail::add_websocket_fields(r.headers_, key, options);
  const bool timed =
      state_->options.settings_.limits.get(phase::total) != detail::default_total_time ||
      (r.own_ && r.own_->limits.get(phase::total));
  if (!timed) r.timeout(websocket_opening);
  response answer = co_await send(std::move(r));
  try {
    const bool tunnelled = answer.version() == version::http_2;
    if (answer.status() != (tunnelled ? 200 : 101))
      throw status_error(answer.status(), answer.reason());
    if (!tunnelled) detail::check_websocket_answer(answer.headers(), key);
    const detail::websocket_agreement agreed =
        detail::read_websocket_answer(answer.headers(), options);
    auto [stream, first] = detail::exchange::take_over(answer);
    auto connection = std::make_unique<detail::websocket_connection>(
        detail::side::client, std::move(stream), std::move(first), options);
    if (agreed.deflate) connection->set_deflate(*agreed.deflate);
    if (tunnelled) connection->set_on_stream();
    connection->set_protocol(agreed.protocol);
    co_return http::websocket(std::move(connection));
  } catch (http::error& error) {
    error.add_context(asked.href(), phase::first_byte);
    throw;
  }
}

cookie_jar* client::cookies() const noexcept { return state_->options.jar_.get(); }
std::size_t client::open_connections() const noexcept { return state_->connections->open(); }
std::size_t client::idle_connections() const noexcept { return state_->connections->idle(); }
void client::close_idle() noexcept { state_->connections->close_idle(); }

}  // namespace rondo::http
