// The simulated network's sockets: their numbers, names, ports and options.
#include <rondo/runtime/reactor/reactor_sim_parts.hpp>

#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <cstring>

namespace rondo::detail {
namespace {

constexpr std::uint16_t first_port = 49152;  // of the ephemeral ones (RFC 6335)

}  // namespace

sim_socket* simulated_reactor::socket(int fd) noexcept {
  const auto i = static_cast<std::size_t>(fd - first_simulated_descriptor);
  return fd >= first_simulated_descriptor && i < sockets_.size() ? sockets_[i].get() : nullptr;
}

sim_socket* simulated_reactor::socket(socket_ref r) noexcept {
  sim_socket* s = socket(r.fd);
  return s && s->serial == r.serial ? s : nullptr;
}

// The lowest free number, as a kernel gives it.
int simulated_reactor::new_socket(int domain, int type) {
  std::size_t i = 0;
  while (i < sockets_.size() && sockets_[i]) ++i;
  if (i == sockets_.size()) sockets_.emplace_back();
  sockets_[i] = std::make_unique<sim_socket>();
  sockets_[i]->domain = domain;
  sockets_[i]->type = type;
  sockets_[i]->serial = ++socket_serial_;
  return first_simulated_descriptor + static_cast<int>(i);
}

int simulated_reactor::open_socket(int domain, int type, int) noexcept {
  const int kind = type & 0xf;
  if (kind != SOCK_STREAM && kind != SOCK_DGRAM) return -EPROTONOSUPPORT;
  return new_socket(domain, kind);
}

int simulated_reactor::open_pair(int type, int (&fds)[2]) noexcept {
  for (int& fd : fds) {
    fd = open_socket(AF_UNIX, type, 0);
    if (fd < 0) return fd;
  }
  sim_socket& one = *socket(fds[0]);
  sim_socket& other = *socket(fds[1]);
  one.what = other.what = sim_socket::kind::connected;
  one.answered = other.answered = true;
  one.peer = {fds[1], other.serial};
  other.peer = {fds[0], one.serial};
  return 0;
}

namespace {

std::uint16_t port_of(const socket_name& n) noexcept {  // sin_port, sin6_port: at the same place
  std::uint16_t port = 0;
  std::memcpy(&port, n.data() + 2, 2);
  return ntohs(port);
}

void set_port(socket_name& n, std::uint16_t port) noexcept {
  port = htons(port);
  std::memcpy(n.data() + 2, &port, 2);
}

bool is_named(const sim_socket& s) noexcept { return s.local.size() > sizeof(sa_family_t); }

}  // namespace

std::string raw_address(const socket_name& n) {
  const auto* a = reinterpret_cast<const sockaddr*>(n.data());
  if (n.size() >= sizeof(sockaddr_in) && a->sa_family == AF_INET)
    return n.substr(offsetof(sockaddr_in, sin_addr), sizeof(in_addr));
  if (n.size() >= sizeof(sockaddr_in6) && a->sa_family == AF_INET6)
    return n.substr(offsetof(sockaddr_in6, sin6_addr), sizeof(in6_addr));
  return {};
}

bool is_wildcard(const socket_name& n) noexcept {
  const auto* a = reinterpret_cast<const sockaddr*>(n.data());
  if (a->sa_family == AF_INET)
    return reinterpret_cast<const sockaddr_in*>(a)->sin_addr.s_addr == htonl(INADDR_ANY);
  if (a->sa_family == AF_INET6)
    return IN6_IS_ADDR_UNSPECIFIED(&reinterpret_cast<const sockaddr_in6*>(a)->sin6_addr);
  return false;
}

socket_name own_address(int domain) {
  if (domain == AF_INET) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return name_from(reinterpret_cast<const sockaddr*>(&a), sizeof a);
  }
  sockaddr_in6 a{};
  a.sin6_family = AF_INET6;
  a.sin6_addr = in6addr_loopback;
  return name_from(reinterpret_cast<const sockaddr*>(&a), sizeof a);
}

bool serves(const socket_name& bound, const socket_name& wanted) noexcept {
  if (bound == wanted) return true;
  // family and port agree, and any address will do
  return bound.size() == wanted.size() && bound.size() >= sizeof(sockaddr_in) &&
         is_wildcard(bound) && std::memcmp(bound.data(), wanted.data(), 4) == 0;
}

sim_socket* simulated_reactor::listener_for(const socket_name& name, int& fd) noexcept {
  for (std::size_t i = 0; i < sockets_.size(); ++i) {
    sim_socket* s = sockets_[i].get();
    if (!s || s->what != sim_socket::kind::listening || !serves(s->local, name)) continue;
    fd = first_simulated_descriptor + static_cast<int>(i);
    return s;
  }
  return nullptr;
}

// Never one that is taken: whoever connects to it from it would meet itself.
std::uint16_t simulated_reactor::new_port(int type) noexcept {
  const auto taken = [&](std::uint16_t port) {
    return std::ranges::any_of(sockets_, [&](const auto& s) {
      return s && s->type == type && s->domain != AF_UNIX &&
             (s->what == sim_socket::kind::listening || type == SOCK_DGRAM) && is_named(*s) &&
             port_of(s->local) == port;
    });
  };
  std::uint16_t port = 0;
  do {
    port = next_port_;
    next_port_ = port == 65535 ? first_port : static_cast<std::uint16_t>(port + 1);
  } while (taken(port));
  return port;
}

void simulated_reactor::bind_somewhere(sim_socket& s, socket_name wanted) {
  if (s.domain == AF_UNIX) {
    // unix(7), autobind: an abstract name of five hexadecimal digits
    std::array<char, 8> digits{};
    std::snprintf(digits.data(), digits.size(), "%05x", static_cast<unsigned>(s.serial & 0xfffffU));
    wanted.resize(sizeof(sa_family_t));
    wanted += '\0';
    wanted += digits.data();
  } else {
    set_port(wanted, new_port(s.type));
  }
  s.local = std::move(wanted);
}

int simulated_reactor::bind(int fd, const sockaddr* name, socklen_t size) noexcept {
  sim_socket* s = socket(fd);
  if (!s) return -EBADF;
  if (name->sa_family != s->domain) return -EAFNOSUPPORT;
  socket_name wanted = name_from(name, size);
  const bool is_unix = s->domain == AF_UNIX;
  if (is_unix ? wanted.size() <= sizeof(sa_family_t) : port_of(wanted) == 0) {
    bind_somewhere(*s, std::move(wanted));
    return 0;
  }
  for (const auto& other : sockets_)
    if (other && other.get() != s && other->local == wanted &&
        (is_unix || (other->type == s->type &&
                     (other->what == sim_socket::kind::listening || s->type == SOCK_DGRAM))) &&
        (!is_unix || other->what != sim_socket::kind::connected || other->type == SOCK_DGRAM))
      return -EADDRINUSE;
  s->local = std::move(wanted);
  return 0;
}

int simulated_reactor::listen(int fd, int backlog) noexcept {
  sim_socket* s = socket(fd);
  if (!s) return -EBADF;
  s->what = sim_socket::kind::listening;
  s->backlog_limit = static_cast<std::size_t>(std::max(backlog, 1));
  return 0;
}

int simulated_reactor::get_option(int fd, int, int, void* value, socklen_t* size) noexcept {
  if (!socket(fd)) return -EBADF;
  std::memset(value, 0, *size);
  return 0;
}

namespace {

int give_name(const sim_socket& s, const socket_name& n, sockaddr* name, socklen_t* size) noexcept {
  socket_name given = n;
  if (given.empty()) {  // none yet: the family alone (unix(7)), or 0.0.0.0:0
    given.resize(s.domain == AF_UNIX   ? sizeof(sa_family_t)
                 : s.domain == AF_INET ? sizeof(sockaddr_in)
                                       : sizeof(sockaddr_in6));
    const auto family = static_cast<sa_family_t>(s.domain);
    std::memcpy(given.data(), &family, sizeof family);
  }
  std::memcpy(name, given.data(), std::min<std::size_t>(*size, given.size()));
  *size = static_cast<socklen_t>(given.size());
  return 0;
}

}  // namespace

int simulated_reactor::local_name(int fd, sockaddr* name, socklen_t* size) noexcept {
  const sim_socket* s = socket(fd);
  return s ? give_name(*s, s->local, name, size) : -EBADF;
}

int simulated_reactor::peer_name(int fd, sockaddr* name, socklen_t* size) noexcept {
  const sim_socket* s = socket(fd);
  if (!s) return -EBADF;
  return s->what == sim_socket::kind::connected ? give_name(*s, s->remote, name, size) : -ENOTCONN;
}

}  // namespace rondo::detail
