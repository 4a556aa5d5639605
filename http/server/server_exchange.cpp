#include <rondo/http/server/forwarding.hpp>
#include <rondo/http/server/response_head.hpp>
#include <rondo/http/server/server_exchange.hpp>
#include <rondo/runtime/loop.hpp>

#include <algorithm>
#include <concepts>
#include <system_error>
#include <utility>

namespace rondo::http::detail {
namespace {

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

}  // namespace

// A read of a body ends when nothing came for as long as one read may take, and when what has come
// of the body took longer, of the time that was spent waiting for it, than the rate allows.
rondo::detail::time_point server_exchange::body_due(rondo::detail::time_point now) const noexcept {
  using rondo::detail::add;
  using rondo::detail::nanoseconds;
  rondo::detail::time_point due = std::min(add(now, options().body_timeout_), drain_until_);
  if (options().body_rate_ > 0) {
    constexpr std::uint64_t a_day = 24 * 60 * 60;
    const std::uint64_t milliseconds =
        std::min(body_came_, options().body_rate_ * a_day) * 1000 / options().body_rate_;
    const nanoseconds allowed =
        std::max<nanoseconds>(options().body_settling_, std::chrono::milliseconds(milliseconds));
    due = std::min(due, add(now, allowed - std::min(allowed, body_waited_)));
  }
  return due;
}

task<std::string> server_exchange::whole_body() {
  const std::uint64_t most = std::min(options().max_body_, max_streamed_);
  // A body whose length says that it is too large is not asked for.
  if (!body_ended_ && body_length().value_or(0) > most) refuse_body_of(most);
  std::string all;
  for (;;) {
    const std::span<const std::byte> piece = co_await next_chunk();
    if (piece.empty()) co_return all;
    if (piece.size() > most - all.size()) refuse_body_of(most);
    all.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  }
}

void server_exchange::refuse_body_of(std::uint64_t most) {
  refuse_body(std::make_exception_ptr(
      body_error(body_error::reason::too_large,
                 "the request's body is larger than " + std::to_string(most) + " bytes")));
}

void server_exchange::refuse_body(std::exception_ptr why) {
  body_failure_ = std::move(why);
  std::rethrow_exception(body_failure_);
}

net::endpoint server_exchange::remote() noexcept {
  try {
    return connection_.stream().socket().remote_endpoint();
  } catch (const std::system_error&) {
    return {};  // it has gone
  }
}

net::endpoint server_exchange::client(const http::headers& fields) {
  const net::endpoint* const source = connection_.source().get();
  net::endpoint peer = source ? *source : remote();
  const trusted_proxies* const trusted = options().trusted_.get();
  return trusted ? client_behind(std::move(peer), fields, *trusted) : peer;
}

std::optional<tls_facts> server_exchange::tls() const {
  return connection_.stream().with([]<class S>(const S& s) -> std::optional<tls_facts> {
    if constexpr (std::same_as<S, tls_stream>)
      return tls_facts{.protocol = s.protocol(),
                       .cipher = s.cipher(),
                       .alpn = s.alpn(),
                       .server_name = s.server_name(),
                       .client_certificate = s.peer_certificate()};
    else
      return std::nullopt;
  });
}

int server_exchange::status_for(const std::exception_ptr& thrown) const noexcept {
  if (lost_) return 499;
  try {
    std::rethrow_exception(thrown);
  } catch (const http::error& e) {
    return thrown == body_failure_ ? status_of_own(e) : status_of_upstream(e);
  } catch (...) {
    return 500;
  }
}

// The current exception is `thrown`.
server_response server_exchange::blame(const http::error& thrown) {
  const std::exception_ptr e = std::current_exception();
  if (e == body_failure_)
    return server_response::text(std::string(thrown.message()) + '\n', status_of_own(thrown));
  rondo::detail::report_unhandled(e);
  return failed(status_of_upstream(thrown));
}

}  // namespace rondo::http::detail
