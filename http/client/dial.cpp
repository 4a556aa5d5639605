#include <rondo/http/client/client_connection.hpp>
#include <rondo/http/client/dial.hpp>
#include <rondo/http/errors.hpp>
#include <rondo/net/resolver.hpp>
#include <rondo/net/socks.hpp>

namespace rondo::http::detail {
namespace {

std::string host_and_port(const http::url& u) {
  return std::string(u.host()) + ':' + std::to_string(u.port());
}

// The guard and the tracer see each address in the moment before it is connected to.
task<net::tcp_stream> connect_watched(exchange_context& e, const http::url& to,
                                      net::connect_options options, address_guard* guard) {
  e.enter(phase::resolve);
  e.trace(trace_point::resolving, to.hostname());
  std::vector<net::endpoint> all =
      co_await net::detail::addresses_of(std::string(to.hostname()), to.port(), options.resolver_);
  e.trace(trace_point::resolved, {}, all.size());
  e.enter(phase::connect);
  bool tried = false;
  std::string refused;
  options.filter([&, own = options.filter_](const net::endpoint& at) {
    if (own && !own->allows(at)) return false;
    if (guard && !guard->allows(at)) {
      refused += (refused.empty() ? "" : ", ") + at.to_string();
      return false;
    }
    tried = true;
    e.trace(trace_point::connecting, at.to_string());
    return true;
  });
  try {
    co_return co_await net::tcp_stream::connect(std::move(all), std::move(options));
  } catch (const std::system_error&) {
    if (tried || refused.empty()) throw;
  }
  throw connect_error(std::make_error_code(std::errc::permission_denied),
                      std::string(to.hostname()) + ": the guard refuses " + refused);
}

task<net::tcp_stream> connect_to(exchange_context& e, const http::url& to, dial_options how) {
  net::connect_options sockets = how.sockets ? *how.sockets : net::connect_options();
  try {
    if (how.guard || e.is_traced())
      co_return co_await connect_watched(e, to, std::move(sockets), how.guard);
    co_return co_await net::tcp_stream::connect(std::string(to.hostname()), to.port(),
                                                std::move(sockets));
  } catch (const net::resolve_error& error) {
    throw connect_error(error.code(), to.hostname(), phase::resolve);
  } catch (const std::system_error& error) {
    throw connect_error(error.code(), host_and_port(to));
  }
}

task<net::unix_stream> connect_unix(exchange_context& e, const net::endpoint& to) {
  e.trace(trace_point::connecting, to.to_string());
  try {
    co_return co_await net::unix_stream::connect(to);
  } catch (const std::system_error& error) {
    throw connect_error(error.code(), to.to_string());
  }
}

// RFC 9110, section 9.3.6: after a 2xx the connection is the origin's.
task<plain_stream> open_tunnel(exchange_context& e, plain_stream stream, const http::url& by,
                               const parser_limits& limits) {
  e.enter(phase::proxy);
  request_head head{.method = "CONNECT", .target = host_and_port(e.url()), .headers = {}};
  head.headers.add("Host", head.target);
  if (const std::string secret = proxy_authorization(by); !secret.empty())
    head.headers.add("Proxy-Authorization", secret);
  std::string text;
  write_head(text, head);
  client_connection c(std::move(stream), limits);
  c.lend(make_read_buffer());
  c.begin("CONNECT");
  try {
    co_await c.stream().socket().write_all(net::bytes_of(text));
    for (;;) {
      const parse_step step = co_await c.next_event();
      const int status = c.parser().head().status;
      if (step.event == parse_event::need_more)
        throw connect_error(std::make_error_code(std::errc::connection_reset),
                            "the proxy closed the connection", phase::proxy);
      if (step.event != parse_event::head || status < 200) continue;
      if (status >= 300)
        throw connect_error(
            std::make_error_code(std::errc::connection_refused),
            "the proxy answered " + std::to_string(status) + ' ' + c.parser().head().reason,
            phase::proxy);
      break;
    }
  } catch (const std::system_error& error) {
    throw connect_error(error.code(), "the connection to the proxy was lost", phase::proxy);
  }
  c.buffered_event();  // the end of the proxy's part
  if (!c.drained()) throw protocol_error("the proxy sent bytes before the tunnel was used", 502);
  e.trace(trace_point::tunnelled);
  co_return std::move(c.stream().socket());
}

net::socks_options socks_options_of(const route& way, const dial_options& how) {
  net::socks_options o;
  if (way.proxy->has_credentials())
    o.login(percent_decode(way.proxy->username()), percent_decode(way.proxy->password()));
  o.resolve_here(way.speaks == proxy_kind::socks5);
  if (how.sockets) o.connecting(*how.sockets);
  return o;
}

task<plain_stream> open_socks(exchange_context& e, plain_stream stream, net::socks_options how) {
  e.enter(phase::proxy);
  try {
    co_await net::socks_handshake(stream, std::string(e.url().hostname()), e.url().port(),
                                  std::move(how));
  } catch (const net::resolve_error& error) {
    throw connect_error(error.code(), e.url().hostname(), phase::resolve);
  } catch (const net::socks_error& error) {
    throw connect_error(error.code(), error.reason(), phase::proxy);
  } catch (const std::system_error& error) {
    throw connect_error(error.code(), "the connection to the proxy was lost", phase::proxy);
  } catch (const std::invalid_argument& error) {
    throw connect_error(std::make_error_code(std::errc::invalid_argument), error.what(),
                        phase::proxy);
  }
  e.trace(trace_point::tunnelled);
  co_return stream;
}

}  // namespace

task<plain_stream> dial(exchange_context& e, const route& way, dial_options how) {
  if (how.unix_socket) co_return co_await connect_unix(e, *how.unix_socket);
  plain_stream stream = co_await connect_to(e, way.proxy ? *way.proxy : e.url(), how);
  if (!way.tunnel) co_return stream;
  if (way.speaks != proxy_kind::http)
    co_return co_await open_socks(e, std::move(stream), socks_options_of(way, how));
  co_return co_await open_tunnel(e, std::move(stream), *way.proxy, how.limits);
}

bool agreed_on_http_2(const transport& t) noexcept {
  const tls_stream* const s = t.secure();
  return s && s->alpn() == "h2";
}

task<transport> secure(exchange_context& e, plain_stream stream, net::tls_context identity,
                       speaks how) {
  e.enter(phase::tls);
  std::string name(e.url().hostname());
  try {
    tls_stream s =
        co_await tls_stream::connect(std::move(stream), std::move(identity), std::move(name));
    // RFC 7301: what we speak was not agreed on.
    const std::string_view chosen = s.alpn();
    const bool http_1 = (chosen.empty() || chosen == "http/1.1") && how != speaks::http_2;
    const bool http_2 = chosen == "h2" && how != speaks::http_1;
    if (!http_1 && !http_2)
      throw tls_error("the server speaks " + std::string(chosen.empty() ? "http/1.1" : chosen) +
                      ", not " + (how == speaks::http_2 ? "h2" : "http/1.1"));
    e.trace(trace_point::secured, s.protocol());
    co_return transport(std::move(s));
  } catch (const net::tls_handshake_timeout& error) {
    throw timeout_error(phase::tls, error.what());
  } catch (const net::tls_error& error) {
    throw tls_error(error.what(), error.code());
  } catch (const std::system_error& error) {
    throw connect_error(error.code(), "the connection was lost during the TLS handshake",
                        phase::tls);
  }
}

}  // namespace rondo::http::detail
