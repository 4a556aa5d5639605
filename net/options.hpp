// Socket options by type.
//
//   s.set(options::keep_alive(true));
//   s.set(options::receive_buffer(1 << 20));
//   int bytes = s.get<options::receive_buffer>().value;
//
// One's own: any type with `level`, `name`, `system_type`, to_system() and from_system().
#pragma once

#include <rondo/runtime/core/clock.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <concepts>
#include <optional>

namespace rondo::net {

template <class O>
concept socket_option = requires(const O& o, const typename O::system_type& s) {
  { O::level } -> std::convertible_to<int>;
  { O::name } -> std::convertible_to<int>;
  { o.to_system() } -> std::same_as<typename O::system_type>;
  { O::from_system(s) } -> std::same_as<O>;
};

namespace detail {

template <int Level, int Name>
struct flag_option {
  static constexpr int level = Level;
  static constexpr int name = Name;
  using system_type = int;
  explicit flag_option(bool on) noexcept : value(on) {}
  int to_system() const noexcept { return value ? 1 : 0; }
  static flag_option from_system(int n) noexcept { return flag_option(n != 0); }
  bool value;
};

template <int Level, int Name>
struct number_option {
  static constexpr int level = Level;
  static constexpr int name = Name;
  using system_type = int;
  explicit number_option(int n) noexcept : value(n) {}
  int to_system() const noexcept { return value; }
  static number_option from_system(int n) noexcept { return number_option(n); }
  int value;
};

// In the system's unit; rounded up, so that a short time does not become none.
template <int Level, int Name, class Unit>
struct time_option {
  static constexpr int level = Level;
  static constexpr int name = Name;
  using system_type = int;
  template <class Rep, class Period>
  explicit time_option(std::chrono::duration<Rep, Period> d) noexcept
      : value(std::chrono::ceil<Unit>(d)) {}
  int to_system() const noexcept { return static_cast<int>(value.count()); }
  static time_option from_system(int n) noexcept { return time_option(Unit(n)); }
  Unit value;
};

}  // namespace detail

// socket(7), tcp(7), ip(7), ipv6(7) say what each does.
namespace options {

using reuse_address = detail::flag_option<SOL_SOCKET, SO_REUSEADDR>;
using reuse_port = detail::flag_option<SOL_SOCKET, SO_REUSEPORT>;
using keep_alive = detail::flag_option<SOL_SOCKET, SO_KEEPALIVE>;
using broadcast = detail::flag_option<SOL_SOCKET, SO_BROADCAST>;
// Bytes; the kernel doubles what is set for its own book-keeping, and says so when asked.
using receive_buffer = detail::number_option<SOL_SOCKET, SO_RCVBUF>;
using send_buffer = detail::number_option<SOL_SOCKET, SO_SNDBUF>;

using no_delay = detail::flag_option<IPPROTO_TCP, TCP_NODELAY>;
using quick_ack = detail::flag_option<IPPROTO_TCP, TCP_QUICKACK>;
using keep_alive_idle = detail::time_option<IPPROTO_TCP, TCP_KEEPIDLE, std::chrono::seconds>;
using keep_alive_interval = detail::time_option<IPPROTO_TCP, TCP_KEEPINTVL, std::chrono::seconds>;
using keep_alive_probes = detail::number_option<IPPROTO_TCP, TCP_KEEPCNT>;
// How long sent data may stay unacknowledged before the connection ends with ETIMEDOUT (RFC 5482).
using user_timeout = detail::time_option<IPPROTO_TCP, TCP_USER_TIMEOUT, std::chrono::milliseconds>;
using not_sent_low_water = detail::number_option<IPPROTO_TCP, TCP_NOTSENT_LOWAT>;
using defer_accept = detail::time_option<IPPROTO_TCP, TCP_DEFER_ACCEPT, std::chrono::seconds>;

using v6_only = detail::flag_option<IPPROTO_IPV6, IPV6_V6ONLY>;
using bind_address_no_port = detail::flag_option<IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT>;

// What close does with bytes that have not been acknowledged: none, the kernel goes on sending; 0
// s, a reset.
struct linger {
  static constexpr int level = SOL_SOCKET;
  static constexpr int name = SO_LINGER;
  using system_type = ::linger;
  explicit linger(std::optional<std::chrono::seconds> t) noexcept : value(t) {}
  ::linger to_system() const noexcept {
    return {.l_onoff = value ? 1 : 0, .l_linger = value ? static_cast<int>(value->count()) : 0};
  }
  static linger from_system(const ::linger& l) noexcept {
    return linger(l.l_onoff != 0 ? std::optional(std::chrono::seconds(l.l_linger)) : std::nullopt);
  }
  std::optional<std::chrono::seconds> value;
};

}  // namespace options
}  // namespace rondo::net
