// What a client does with every request, unless the request says otherwise.
//
//   http::client c(http::client_options().base_url("https://api.example.org/v1/").bearer_auth(token)
//                      .timeout(http::phase::first_byte, 5s).follow(3));
//
// Every setter returns the object itself; one that throws has changed nothing.
#pragma once

#include <rondo/http/client/pool.hpp>
#include <rondo/http/client/settings.hpp>
#include <rondo/http/connector.hpp>
#include <rondo/http/cookies.hpp>
#include <rondo/http/guard.hpp>
#include <rondo/http/headers.hpp>
#include <rondo/http/limits.hpp>
#include <rondo/http/policy.hpp>
#include <rondo/http/proxy.hpp>
#include <rondo/http/tracer.hpp>
#include <rondo/http/url.hpp>
#include <rondo/net/endpoint.hpp>
#include <rondo/net/tcp.hpp>
#include <rondo/net/tls_context.hpp>
#include <rondo/runtime/core/amount.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rondo::http {

namespace detail {
class exchange;
}

// Which version of HTTP a client speaks.
enum class http2 : std::uint8_t {
  automatic,        // https: what both ends agree on; http: HTTP/1.1
  prior_knowledge,  // HTTP/2 alone, in clear too
  never,
};

class client_options {
 public:
  // With the defaults that are said below.
  client_options();

  // How long a phase may take; zero: no limit. The error that follows is a timeout_error with that
  // phase.
  //
  //   pool         waiting for a free connection                                     no limit
  //   connect      looking the name up and opening the connection                    30 s
  //   tls          the handshake                                                     no limit
  //   write        for each piece of the request to be taken by the network          no limit
  //   first_byte   from the request's last byte to the whole head of the response    no limit
  //   read         between two reads of the body                                     no limit
  //   total        the exchange, redirects and the body's last byte included         300 s
  //
  // Throws std::invalid_argument for another phase, and for a negative time.
  template <class Rep, class Period>
  client_options& timeout(phase p, std::chrono::duration<Rep, Period> d) {
    settings_.limits.set(p, rondo::detail::saturate(d));
    return *this;
  }
  template <class Rep, class Period>
  client_options& total_timeout(std::chrono::duration<Rep, Period> d) {
    return timeout(phase::total, d);
  }
  template <class Rep, class Period>
  client_options& connect_timeout(std::chrono::duration<Rep, Period> d) {
    return timeout(phase::connect, d);
  }
  // For how long a connection is kept for the next request. 15 s.
  template <class Rep, class Period>
  client_options& idle_timeout(std::chrono::duration<Rep, Period> d) {
    pool_.idle = rondo::detail::saturate(d);
    return *this;
  }
  // Connections open at a time, at least 1; requests beyond wait their turn. 100.
  client_options& max_connections(rondo::detail::amount n);
  // The same for each origin; no limit.
  client_options& max_connections_per_origin(rondo::detail::amount n);

  // Bytes that text() and bytes() take; 1 GiB. What is streamed has no limit.
  client_options& max_body(rondo::detail::amount bytes) {
    settings_.max_body = bytes;
    return *this;
  }
  // Whether content codings are asked for (Accept-Encoding) and taken off the body: gzip, deflate,
  // br and zstd, as far as Rondo was built with them. Yes. The head's fields stay as they came.
  client_options& decode(bool on) {
    settings_.decode = on;
    return *this;
  }
  // Bytes that a body may make when it is decoded, streamed ones too; one more is a body_error
  // (too_large). When it is not set: 64 MiB for text() and bytes(), none for what is streamed.
  client_options& max_decoded(rondo::detail::amount bytes) {
    settings_.max_decoded = bytes;
    return *this;
  }
  // What a server may make us hold.
  client_options& limits(const parser_limits& l) {
    limits_ = l;
    return *this;
  }

  // What relative URLs are resolved against, as a link in that document would be: "https://h/v1/"
  // and "users" make https://h/v1/users. Throws url_error.
  client_options& base_url(std::string_view text);
  // Sent with every request that does not set the field itself. Throws std::invalid_argument as
  // request::header. Authorization and Cookie do not follow a redirect to another origin. Cookies
  // given here are sent beside those of the jar and of the request.
  client_options& header(std::string_view name, std::string_view value);
  // Names a field that holds a secret, as X-Api-Key: whoever sets it, it follows no redirect to
  // another origin. Throws std::invalid_argument for what is no field name.
  client_options& secret_header(std::string_view name);
  // Authorization; as request::basic_auth and request::bearer_auth. Sent to every origin that is
  // asked directly.
  client_options& basic_auth(std::string_view username, std::string_view password);
  client_options& bearer_auth(std::string_view token);
  // Answers a 401 that asks for Digest, as request::digest_auth.
  client_options& digest_auth(std::string_view username, std::string_view password);

  // The jar to use, which several clients may share; null: cookies are neither kept nor sent, but
  // for those that a request brings. A client has a jar of its own.
  client_options& cookies(std::shared_ptr<cookie_jar> jar) {
    jar_ = std::move(jar);
    return *this;
  }

  // The way to every target; directly when there is none.
  client_options& proxy(http::proxy p) {
    proxy_ = std::move(p);
    return *this;
  }
  // How TCP connections are opened: from which local address, to addresses of one family, with a
  // resolver of one's own, … timeout(phase::connect) holds beside its times.
  client_options& sockets(net::connect_options o) {
    sockets_ = std::move(o);
    return *this;
  }
  // Every connection goes to this Unix socket, whatever host the URL names: that one is still told
  // in Host, and is whom https verifies. A path, or an abstract name after '@'. Throws
  // std::invalid_argument when empty or above 107 bytes. Together with a proxy, a guard or
  // sockets() the client's constructor throws std::invalid_argument: they would have no effect.
  client_options& unix_socket(std::string_view name);
  // Where every connection comes from, whatever host the URL names: no name is looked up and no
  // socket opened. http alone: https is a url_error. Together with a proxy, a guard, sockets() or
  // unix_socket() the client's constructor throws std::invalid_argument. Throws it when null.
  client_options& connector(std::shared_ptr<http::connector> c);
  // Asked about each address before it is connected to. What it refuses is not tried; when it
  // refuses all that a host has, that is a connect_error (std::errc::permission_denied) which names
  // them. It cannot see what a proxy connects to: both together make the client's constructor throw
  // std::invalid_argument.
  client_options& guard(std::shared_ptr<address_guard> g) {
    guard_ = std::move(g);
    return *this;
  }
  // What https is spoken with: whom to trust, the client's certificate. One that offers protocols
  // (ALPN) should have "http/1.1" among them; for one that does not, http2() says what is offered.
  // Without one: the system's authorities. After a redirect to another origin the
  // client's certificate is not shown.
  client_options& tls(net::tls_context context) {
    tls_ = std::move(context);
    return *this;
  }
  // Which version of HTTP is spoken. automatic, which is the default: https offers "h2" and
  // "http/1.1" (ALPN) and the server chooses, as with browsers, curl and Go; http stays HTTP/1.1.
  // never: HTTP/1.1 alone. prior_knowledge: HTTP/2 alone, in clear too.
  // A context given to tls() that offers protocols of its own offers those instead. Nothing else
  // changes: the requests to one origin share a connection, as many at once as the server takes.
  // Upgrades (WebSockets), and what goes to a proxy that reads it, are HTTP/1.1 always. A build
  // without HTTP/2 speaks HTTP/1.1; prior_knowledge makes its client's constructor throw
  // std::logic_error.
  client_options& http2(http::http2 how) {
    http2_ = how;
    return *this;
  }
  // What every request goes through, each redirect on its own. Throws std::invalid_argument when
  // null.
  client_options& policy(std::shared_ptr<request_policy> p);
  // Sees each step of each exchange.
  client_options& trace(std::shared_ptr<tracer> t) {
    settings_.trace = std::move(t);
    return *this;
  }

  // Redirects followed at most: one more is too_many_redirects. 0: none is followed, and each is an
  // answer like any other. 10. Throws std::invalid_argument when negative.
  client_options& follow(int redirects);
  // Whether a redirect may lead from https to http. No: redirect_error.
  client_options& insecure_redirects(bool on) {
    settings_.insecure_redirects = on;
    return *this;
  }
  // Whether a status of 400 and above is thrown as status_error. No.
  client_options& raise_for_status(bool on = true) {
    settings_.raise = on;
    return *this;
  }

 private:
  friend class client;
  friend class detail::exchange;

  detail::settings settings_;  // all is set but max_decoded, digest and trace
  detail::pool_limits pool_;
  parser_limits limits_;
  http::headers headers_;
  std::vector<std::string> secret_headers_;
  std::optional<http::url> base_;
  std::optional<http::proxy> proxy_;
  std::optional<net::connect_options> sockets_;
  std::optional<net::endpoint> unix_socket_;
  std::shared_ptr<address_guard> guard_;
  std::shared_ptr<request_policy> policy_;
  std::shared_ptr<http::connector> connector_;
  net::tls_context tls_;
  http::http2 http2_ = http::http2::automatic;
  std::shared_ptr<cookie_jar> jar_;  // made by the constructor
};

}  // namespace rondo::http
