#include <rondo/net/endpoint.hpp>
#include <rondo/net/parts/path.hpp>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <stdexcept>

namespace rondo::net {
namespace {

[[noreturn]] void refuse_endpoint(std::string_view text, const char* why) {
  throw std::invalid_argument("not an endpoint: \"" + detail::shown(text) + "\": " + why);
}

std::uint16_t parse_port(std::string_view whole, std::string_view digits) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() ||
      value > 65535)
    refuse_endpoint(whole, "the port must be a number from 0 to 65535");
  return static_cast<std::uint16_t>(value);
}

}  // namespace

endpoint endpoint::parse(std::string_view text) {
  if (text.starts_with("unix:")) {
    try {
      return unix_path(std::string(text.substr(5)));
    } catch (const std::invalid_argument& e) {
      refuse_endpoint(text, e.what());
    }
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) refuse_endpoint(text, "it has no port");
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed)
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string_view::npos)
    refuse_endpoint(text, "an IPv6 address stands in brackets");
  address a;
  if (!address::try_parse(host, a) || bracketed != a.is_v6())
    refuse_endpoint(text,
                    "the host must be an IP address (names are resolved by rondo::net::resolve)");
  return {a, parse_port(text, text.substr(colon + 1))};
}

endpoint endpoint::unix_path(std::string path) {
  if (path.empty() || path == "@") throw std::invalid_argument("a Unix socket's name is empty");
  if (path.size() >= sizeof(sockaddr_un::sun_path))
    throw std::invalid_argument("a Unix socket's name is longer than 107 bytes");
  if (path.front() != '@' && detail::holds_nul(path))
    throw std::invalid_argument("a Unix socket's path, " + detail::shown(path) +
                                ", holds a NUL byte");
  endpoint e;
  e.kind_ = kind::unix_name;
  e.path_ = std::move(path);
  return e;
}

std::string endpoint::to_string() const {
  if (is_unix()) return "unix:" + path_;
  const std::string host = address_.to_string();
  return (address_.is_v6() ? '[' + host + ']' : host) + ':' + std::to_string(port_);
}

int endpoint::family() const noexcept {
  if (is_unix()) return AF_UNIX;
  return address_.is_v6() ? AF_INET6 : AF_INET;
}

unsigned endpoint::to_sockaddr(sockaddr_storage& out) const noexcept {
  std::memset(&out, 0, sizeof out);
  switch (family()) {
    case AF_INET: {
      auto& v4 = reinterpret_cast<sockaddr_in&>(out);
      v4.sin_family = AF_INET;
      v4.sin_port = htons(port_);
      std::memcpy(&v4.sin_addr, address_.bytes().data(), 4);
      return sizeof v4;
    }
    case AF_INET6: {
      auto& v6 = reinterpret_cast<sockaddr_in6&>(out);
      v6.sin6_family = AF_INET6;
      v6.sin6_port = htons(port_);
      v6.sin6_scope_id = address_.zone();
      std::memcpy(&v6.sin6_addr, address_.bytes().data(), 16);
      return sizeof v6;
    }
    default: {
      auto& un = reinterpret_cast<sockaddr_un&>(out);
      un.sun_family = AF_UNIX;
      std::memcpy(un.sun_path, path_.data(), path_.size());
      const auto size = static_cast<unsigned>(offsetof(sockaddr_un, sun_path) + path_.size());
      if (path_.front() != '@') return size + 1;
      un.sun_path[0] = '\0';
      return size;
    }
  }
}

endpoint endpoint::from_sockaddr(const sockaddr* name, unsigned size) {
  switch (size >= sizeof(sa_family_t) ? name->sa_family : AF_UNSPEC) {
    case AF_INET: {
      const auto& v4 = *reinterpret_cast<const sockaddr_in*>(name);
      std::array<std::uint8_t, 4> b{};
      std::memcpy(b.data(), &v4.sin_addr, 4);
      return {address::v4(b[0], b[1], b[2], b[3]), ntohs(v4.sin_port)};
    }
    case AF_INET6: {
      const auto& v6 = *reinterpret_cast<const sockaddr_in6*>(name);
      std::array<std::uint8_t, 16> b{};
      std::memcpy(b.data(), &v6.sin6_addr, 16);
      return {address::v6(b, v6.sin6_scope_id), ntohs(v6.sin6_port)};
    }
    case AF_UNIX: {
      const auto& un = *reinterpret_cast<const sockaddr_un*>(name);
      endpoint e;
      e.kind_ = kind::unix_name;
      std::size_t length = size - offsetof(sockaddr_un, sun_path);
      if (size <= offsetof(sockaddr_un, sun_path)) return e;  // unnamed
      if (un.sun_path[0] != '\0') length = strnlen(un.sun_path, length);
      e.path_.assign(un.sun_path, length);
      if (un.sun_path[0] == '\0') e.path_[0] = '@';
      return e;
    }
    default: return {};
  }
}

}  // namespace rondo::net

std::size_t std::hash<rondo::net::endpoint>::operator()(
    const rondo::net::endpoint& e) const noexcept {
  std::size_t h = std::hash<std::string>()(e.path());
  for (const std::uint8_t b : e.ip().bytes()) h = (h ^ b) * 0x100000001b3U;
  return (h ^ e.port() ^ static_cast<std::size_t>(e.family()) << 16) * 0x100000001b3U;
}
