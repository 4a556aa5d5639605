// TCP.
//
//   tcp_stream s = co_await tcp_stream::connect("example.org", 80);
//   co_await s.write_all(bytes_of("hello"));
//   std::size_t n = co_await s.read_some(buffer);
//
// TCP_NODELAY is on; sockets are CLOEXEC; SIGPIPE is never raised.
#pragma once

#include <rondo/net/accept.hpp>
#include <rondo/net/stream.hpp>
#include <rondo/runtime/core/clock.hpp>
#include <rondo/runtime/task.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rondo::net {

namespace detail {

// connect_options::filter, with its type erased.
class address_filter {
 public:
  address_filter() = default;
  address_filter(const address_filter&) = delete;
  address_filter& operator=(const address_filter&) = delete;
  virtual ~address_filter() = default;
  virtual bool allows(const endpoint& to) = 0;
};

template <class Fn>
class function_filter final : public address_filter {
 public:
  explicit function_filter(Fn fn) : fn_(std::move(fn)) {}
  bool allows(const endpoint& to) override { return fn_(to); }

 private:
  Fn fn_;
};

// connect_options::resolver, likewise.
class name_source {
 public:
  name_source() = default;
  name_source(const name_source&) = delete;
  name_source& operator=(const name_source&) = delete;
  virtual ~name_source() = default;
  virtual task<std::vector<endpoint>> resolve(std::string host, std::uint16_t port) = 0;
};

template <class Fn>
class function_source final : public name_source {
 public:
  explicit function_source(Fn fn) : fn_(std::move(fn)) {}
  task<std::vector<endpoint>> resolve(std::string host, std::uint16_t port) override {
    return fn_(std::move(host), port);
  }

 private:
  Fn fn_;
};

}  // namespace detail

// How to connect. Every setter returns the object itself.
struct connect_options {
  // For everything, the lookup included; then ETIMEDOUT. Unlimited.
  template <class Rep, class Period>
  connect_options& timeout(std::chrono::duration<Rep, Period> d) noexcept {
    timeout_ = rondo::detail::saturate(d);
    return *this;
  }
  // For one address; then it counts as failed with ETIMEDOUT. Unlimited (Linux gives up after 127
  // s).
  template <class Rep, class Period>
  connect_options& attempt_timeout(std::chrono::duration<Rep, Period> d) noexcept {
    attempt_timeout_ = rondo::detail::saturate(d);
    return *this;
  }
  // How long one address has before the next is tried beside it. 250 ms; RFC 8305 wants 10 ms at
  // least.
  template <class Rep, class Period>
  connect_options& attempt_delay(std::chrono::duration<Rep, Period> d) noexcept {
    attempt_delay_ = rondo::detail::saturate(d);
    return *this;
  }
  // Addresses of one family only.
  connect_options& family(address_family f) noexcept {
    family_ = f;
    return *this;
  }
  // Where to connect from; port 0 picks one. Only addresses of its family are tried.
  connect_options& local(endpoint e) {
    local_ = std::move(e);
    return *this;
  }
  // Asked about each address in the moment before it is connected to: (const endpoint&) -> bool.
  // What it refuses is passed over as if it had not been there; when it refuses all, connect fails
  // with std::errc::permission_denied. What it throws ends the connect.
  template <class Fn>
  connect_options& filter(Fn fn) {
    filter_ = std::make_shared<detail::function_filter<Fn>>(std::move(fn));
    return *this;
  }
  // Who knows the addresses of a name, instead of the loop's resolver: (std::string host,
  // std::uint16_t port) -> task<std::vector<endpoint>>, in the order in which a lookup would give
  // them. Not asked about a numeric host. What it throws ends the connect; no address at all is
  // resolve_error.
  template <class Fn>
  connect_options& resolver(Fn fn) {
    resolver_ = std::make_shared<detail::function_source<Fn>>(std::move(fn));
    return *this;
  }
  // TCP_NODELAY. True.
  connect_options& no_delay(bool on) noexcept {
    no_delay_ = on;
    return *this;
  }

  rondo::detail::nanoseconds timeout_ = rondo::detail::nanoseconds::max();
  rondo::detail::nanoseconds attempt_timeout_ = rondo::detail::nanoseconds::max();
  rondo::detail::nanoseconds attempt_delay_ = std::chrono::milliseconds(250);
  address_family family_ = address_family::any;
  std::optional<endpoint> local_;
  std::shared_ptr<detail::address_filter> filter_;
  std::shared_ptr<detail::name_source> resolver_;
  bool no_delay_ = true;
};

namespace detail {
// What connect tries for a name. Throws resolve_error.
task<std::vector<endpoint>> addresses_of(std::string host, std::uint16_t port,
                                         std::shared_ptr<name_source> resolver);
}  // namespace detail

class tcp_stream : public stream_socket {
 public:
  static constexpr rondo::detail::transfers transfer_style =
      rondo::detail::transfers::stop_short_when_drained;

  // Closed from the start, to be assigned to.
  tcp_stream() = default;
  explicit tcp_stream(socket s) noexcept : stream_socket(std::move(s)) {}
  // Takes over a connected TCP socket that came from elsewhere; see socket::adopt.
  static tcp_stream adopt(int fd);

  // Resolves the name and tries its addresses as RFC 8305 (Happy Eyeballs) says: alternating
  // between the families, each 250 ms after the one before or when one has failed; the first
  // connection counts, the others are closed. Throws resolve_error, or std::system_error when all
  // failed: with the errno of the most telling attempt, and in its text the host and the address of
  // that attempt ("connect to host (192.0.2.1:80)"). Most telling is what is wrong on this side (no
  // descriptors, no memory), then a refusal, then silence, then anything else but the lack of a way
  // to the address, which tells least; of equal ones, what failed first. When
  // connect_options::timeout has come, the text names the host alone. Cancelled: nothing stays
  // open.
  static task<tcp_stream> connect(std::string host, std::uint16_t port,
                                  connect_options options = {});
  // The same for addresses that are known, in the order in which a lookup would give them; an error
  // names an address alone, and after connect_options::timeout the first. Throws
  // std::invalid_argument for none, and for a Unix name. Cancelled: nothing stays open.
  static task<tcp_stream> connect(std::vector<endpoint> to, connect_options options = {});
  // The same for one address. Throws std::invalid_argument for a Unix name. Cancelled: nothing
  // stays open.
  static task<tcp_stream> connect(endpoint to, connect_options options = {});
};

// How to listen. Every setter returns the object itself.
struct listen_options {
  // How many connections may wait to be accepted. 4,096; the system has a limit of its own
  // (net.core.somaxconn).
  listen_options& backlog(int n) {
    backlog_ = n;
    return *this;
  }
  // Several listeners on one port; the kernel spreads the connections.
  listen_options& reuse_port(bool on) {
    reuse_port_ = on;
    return *this;
  }
  // A listener on [::] takes IPv4 connections too. False.
  listen_options& dual_stack(bool on) {
    dual_stack_ = on;
    return *this;
  }
  int backlog_ = 4096;
  bool reuse_port_ = false;
  bool dual_stack_ = false;
};

namespace detail {

using urgent_data_in_line = flag_option<SOL_SOCKET, SO_OOBINLINE>;

// A socket with the options that every TCP socket has here. Throws std::system_error.
socket open_tcp(int family);

}  // namespace detail

// A socket that listens for TCP connections.
class tcp_listener : public stream_listener<tcp_stream> {
 public:
  // Closed from the start, to be assigned to.
  tcp_listener() = default;
  // Binds and listens. Port 0 picks one; local_endpoint() tells. Throws std::system_error that
  // names the endpoint, std::invalid_argument for a Unix name.
  static tcp_listener bind(const endpoint& at, const listen_options& options = {});
  // Takes over a TCP socket that listens already (from a service manager, say); see socket::adopt.
  static tcp_listener adopt(int fd);

 private:
  explicit tcp_listener(socket s) noexcept : stream_listener(std::move(s)) {}
};

}  // namespace rondo::net
