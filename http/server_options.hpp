// What a server allows its clients, and for how long it waits for them.
//
//   http::server s(http::server_options().idle_timeout(30s).max_body(8 << 20).grace(10s));
//
// Every wait has a clock, and all of them are on by default: a client that is slow, silent or gone
// holds its place for a stated time and no longer. Times count from the loop's last look at the
// clock, which is that of the turn at most.
#pragma once

#include <rondo/http/limits.hpp>
#include <rondo/http/trusted_proxies.hpp>
#include <rondo/net/endpoint.hpp>
#include <rondo/runtime/core/amount.hpp>
#include <rondo/runtime/core/clock.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <utility>

namespace rondo::http {

namespace detail {

// server_options::on_tls_failure, with its type erased.
class tls_failure_hook {
 public:
  tls_failure_hook() = default;
  tls_failure_hook(const tls_failure_hook&) = delete;
  tls_failure_hook& operator=(const tls_failure_hook&) = delete;
  virtual ~tls_failure_hook() = default;
  virtual void call(const net::endpoint& client, const std::exception_ptr& why) = 0;
};

template <class Fn>
class function_tls_failure_hook final : public tls_failure_hook {
 public:
  explicit function_tls_failure_hook(Fn fn) : fn_(std::move(fn)) {}
  void call(const net::endpoint& client, const std::exception_ptr& why) override {
    fn_(client, why);
  }

 private:
  Fn fn_;
};

}  // namespace detail

// Every setter returns the object itself.
struct server_options {
  // Connections at a time; more wait in the listener's backlog until one ends. 10,000.
  server_options& max_connections(rondo::detail::amount n) {
    max_connections_ = n;
    return *this;
  }
  // Connections at a time of one client: of an IPv4 address, or of the /64 network of an IPv6 one,
  // which is what one customer has. One more is closed before anything is read. Costs a system
  // call a connection. Unlimited; not for a server behind a proxy, whose address all clients have.
  server_options& max_connections_per_client(rondo::detail::amount n) {
    max_connections_per_client_ = n;
    return *this;
  }
  // Requests on one connection; the answer to the last says Connection: close. 10,000.
  server_options& max_requests(rondo::detail::amount32 n) {
    max_requests_ = n;
    return *this;
  }
  // How long a connection takes further requests; the next answer says Connection: close. An answer
  // that is under way is never cut. 1 h.
  template <class Rep, class Period>
  server_options& max_age(std::chrono::duration<Rep, Period> d) {
    max_age_ = rondo::detail::saturate(d);
    return *this;
  }
  // For a request's head, from its first byte to its last: else 408. 30 s.
  template <class Rep, class Period>
  server_options& header_timeout(std::chrono::duration<Rep, Period> d) {
    header_timeout_ = rondo::detail::saturate(d);
    return *this;
  }
  // Between two requests; from the beginning, for the first byte. Clients are told a second less
  // (Keep-Alive: timeout), so that theirs ends first. 75 s.
  template <class Rep, class Period>
  server_options& idle_timeout(std::chrono::duration<Rep, Period> d) {
    idle_timeout_ = rondo::detail::saturate(d);
    return *this;
  }
  // For one read of a request's body: else timeout_error, which is 408. 30 s.
  template <class Rep, class Period>
  server_options& body_timeout(std::chrono::duration<Rep, Period> d) {
    body_timeout_ = rondo::detail::saturate(d);
    return *this;
  }
  // Bytes a second that a request's body comes at, at least, while somebody waits for it; counted
  // over the body as a whole, and not before `settling` has been waited. 1 KiB after 5 s; 0: any.
  template <class Rep, class Period>
  server_options& body_rate(rondo::detail::amount bytes,
                            std::chrono::duration<Rep, Period> settling) {
    body_rate_ = bytes;
    body_settling_ = rondo::detail::saturate(settling);
    return *this;
  }
  // A response that waits for a client which takes nothing of it for so long ends its connection
  // with a reset. Over TCP what counts is what the client has acknowledged. Only time spent waiting
  // counts, whatever the response takes as a whole. Up to a quarter later when the client had been
  // waited for before. Also TCP_USER_TIMEOUT of the connection. 60 s.
  template <class Rep, class Period>
  server_options& write_timeout(std::chrono::duration<Rep, Period> d) {
    write_timeout_ = rondo::detail::saturate(d);
    return *this;
  }
  // Bytes a second that it takes, at least, over that time. 256; 0: any.
  server_options& write_rate(rondo::detail::amount bytes) {
    write_rate_ = bytes;
    return *this;
  }
  // What is read of a body that the handler left alone, so that the connection can go on: at most
  // so much, for at most so long. 64 KiB and 5 s.
  template <class Rep, class Period>
  server_options& drain(rondo::detail::amount bytes, std::chrono::duration<Rep, Period> d) {
    drain_bytes_ = bytes;
    drain_timeout_ = rondo::detail::saturate(d);
    return *this;
  }
  // How long a connection that is being closed is read on after its last answer, so that what the
  // client still sends does not turn our close into a reset that eats the answer (RFC 9112, section
  // 9.6): between two reads, and in all. 5 s and 30 s.
  template <class Rep, class Period, class Rep2, class Period2>
  server_options& linger(std::chrono::duration<Rep, Period> gap,
                         std::chrono::duration<Rep2, Period2> all) {
    linger_gap_ = rondo::detail::saturate(gap);
    linger_all_ = rondo::detail::saturate(all);
    return *this;
  }
  // What a client may make us hold of a request's head.
  server_options& limits(const parser_limits& l) {
    limits_ = l;
    return *this;
  }
  // Of a body that is read as a whole: server_request::text() and the like. 1 MiB.
  server_options& max_body(rondo::detail::amount bytes) {
    max_body_ = bytes;
    return *this;
  }
  // Whether a client may close its half and still wait for its answer. A half-close and a close
  // look alike on the wire, so by default the end of what a client sends, once a handler has come
  // to rest, is taken for its going: the handler is cancelled. (What must go on all the same is
  // spawned: running_server::spawn.) With true only what ends both directions, as a reset, is. No.
  server_options& half_close(bool allowed) {
    half_close_ = allowed;
    return *this;
  }
  // After a stop was asked for: how long requests that are under way may go on before their
  // handlers are cancelled. 30 s.
  template <class Rep, class Period>
  server_options& grace(std::chrono::duration<Rep, Period> d) {
    grace_ = rondo::detail::saturate(d);
    return *this;
  }
  // After that: how long their cleanup may take before their connections are closed under them. 5
  // s.
  template <class Rep, class Period>
  server_options& cancel_grace(std::chrono::duration<Rep, Period> d) {
    cancel_grace_ = rondo::detail::saturate(d);
    return *this;
  }
  // Told of each TLS handshake that fails, by the errors of tls_stream::accept: fn(const
  // net::endpoint& client, const std::exception_ptr& why). What it throws goes to on_unhandled.
  template <class Fn>
  server_options& on_tls_failure(Fn fn) {
    on_tls_failure_ = std::make_shared<detail::function_tls_failure_hook<Fn>>(std::move(fn));
    return *this;
  }

  // Which proxies stand before the server, and how they say whom they ask for. None.
  server_options& trust(trusted_proxies proxies);

  std::shared_ptr<const trusted_proxies> trusted_;  // null: none
  std::size_t max_connections_ = 10'000;
  std::size_t max_connections_per_client_ = SIZE_MAX;
  std::uint32_t max_requests_ = 10'000;
  rondo::detail::nanoseconds max_age_ = std::chrono::hours(1);
  rondo::detail::nanoseconds header_timeout_ = std::chrono::seconds(30);
  rondo::detail::nanoseconds idle_timeout_ = std::chrono::seconds(75);
  rondo::detail::nanoseconds body_timeout_ = std::chrono::seconds(30);
  std::size_t body_rate_ = 1024;
  rondo::detail::nanoseconds body_settling_ = std::chrono::seconds(5);
  rondo::detail::nanoseconds write_timeout_ = std::chrono::seconds(60);
  std::size_t write_rate_ = 256;
  std::size_t drain_bytes_ = std::size_t{64} << 10;
  rondo::detail::nanoseconds drain_timeout_ = std::chrono::seconds(5);
  rondo::detail::nanoseconds linger_gap_ = std::chrono::seconds(5);
  rondo::detail::nanoseconds linger_all_ = std::chrono::seconds(30);
  std::uint64_t max_body_ = std::uint64_t{1} << 20;
  parser_limits limits_;
  bool half_close_ = false;
  rondo::detail::nanoseconds grace_ = std::chrono::seconds(30);
  rondo::detail::nanoseconds cancel_grace_ = std::chrono::seconds(5);
  std::shared_ptr<detail::tls_failure_hook> on_tls_failure_;
};

}  // namespace rondo::http
