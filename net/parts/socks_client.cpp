#include <rondo/net/parts/path.hpp>
#include <rondo/net/parts/socks_client.hpp>
#include <rondo/net/socks_error.hpp>

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string_view>

namespace rondo::net {

namespace {

// The numbers of RFC 1928, sections 3 to 6, and RFC 1929, section 2.
constexpr std::uint8_t socks_version = 5;
constexpr std::uint8_t login_version = 1;
constexpr std::uint8_t no_login = 0;
constexpr std::uint8_t by_password = 2;
constexpr std::uint8_t no_method = 0xff;
constexpr std::uint8_t command_connect = 1;
constexpr std::uint8_t kind_v4 = 1;
constexpr std::uint8_t kind_name = 3;
constexpr std::uint8_t kind_v6 = 4;
constexpr std::size_t longest_field = 255;

std::uint8_t number(std::byte b) noexcept { return std::to_integer<std::uint8_t>(b); }

void add(std::vector<std::byte>& to, std::uint8_t n) { to.push_back(std::byte{n}); }
void add(std::vector<std::byte>& to, std::string_view text) {
  add(to, static_cast<std::uint8_t>(text.size()));
  for (const char c : text) add(to, static_cast<std::uint8_t>(c));
}

void check_length(std::string_view text, const char* what) {
  if (text.empty() || text.size() > longest_field)
    throw std::invalid_argument(std::string("SOCKS5 has room for 1 to 255 bytes of ") + what +
                                ", not for " + std::to_string(text.size()));
}

[[noreturn]] void no_protocol(const std::string& what) {
  throw socks_error(EPROTO, "SOCKS5: " + what);
}

struct refusal {
  int error;
  const char* what;
};
// RFC 1928, section 6.
constexpr std::array<refusal, 9> refusals{{
    {0, ""},
    {EIO, "general failure"},
    {EACCES, "its rules do not allow the connection"},
    {ENETUNREACH, "network unreachable"},
    {EHOSTUNREACH, "host unreachable"},
    {ECONNREFUSED, "connection refused"},
    {ETIMEDOUT, "TTL expired"},
    {EOPNOTSUPP, "command not supported"},
    {EAFNOSUPPORT, "address type not supported"},
}};

}  // namespace

namespace detail {

socks_client::socks_client(std::string host, std::uint16_t port, std::optional<socks_login> login)
    : host_(std::move(host)), port_(port), login_(std::move(login)) {
  check_length(host_, "a host");
  if (holds_nul(host_)) throw std::invalid_argument("a host must not hold a NUL byte");
  if (login_) {
    check_length(login_->user, "a user");
    check_length(login_->password, "a password");
  }
  add(output_, socks_version);
  add(output_, login_ ? std::uint8_t{2} : std::uint8_t{1});
  add(output_, no_login);
  if (login_) add(output_, by_password);
}

void socks_client::take(std::span<const std::byte> bytes) {
  switch (next_) {
    case expects::method: return take_method(bytes);
    case expects::verdict: return take_verdict(bytes);
    case expects::reply: return take_reply(bytes);
    case expects::name_length: return expect(expects::address, number(bytes[0]) + std::size_t{2});
    case expects::address: return take_address(bytes);
    case expects::nothing: return;
  }
}

void socks_client::ended() const {
  throw socks_error(ECONNRESET, "SOCKS5: the proxy closed the connection");
}

void socks_client::take_method(std::span<const std::byte> bytes) {
  const std::uint8_t method = number(bytes[1]);
  if (number(bytes[0]) != socks_version)
    no_protocol("the proxy does not speak version 5, it answered with byte " +
                std::to_string(number(bytes[0])) + (bytes[0] == std::byte{'H'} ? " (HTTP?)" : ""));
  if (method == no_method)
    throw socks_error(EACCES, login_ ? "SOCKS5: the proxy takes neither a password nor none"
                                     : "SOCKS5: the proxy wants a login");
  if (method == no_login) return send_request();
  if (method != by_password || !login_)
    no_protocol("the proxy chose method " + std::to_string(method) + ", which was not offered");
  send_login();
}

void socks_client::send_login() {
  add(output_, login_version);
  add(output_, login_->user);
  add(output_, login_->password);
  expect(expects::verdict, 2);
}

void socks_client::take_verdict(std::span<const std::byte> bytes) {
  if (number(bytes[0]) != login_version)
    no_protocol("a login's answer of version " + std::to_string(number(bytes[0])));
  if (number(bytes[1]) != 0)
    throw socks_error(EACCES, "SOCKS5: the proxy refuses the user or the password");
  send_request();
}

void socks_client::send_request() {
  add(output_, socks_version);
  add(output_, command_connect);
  add(output_, std::uint8_t{0});  // reserved
  address numeric;
  if (address::try_parse(host_, numeric)) {
    add(output_, numeric.is_v4() ? kind_v4 : kind_v6);
    const std::size_t size = numeric.is_v4() ? 4 : 16;
    for (std::size_t i = 0; i < size; ++i)
      add(output_, static_cast<std::uint8_t>(numeric.bytes()[i]));
  } else {
    add(output_, kind_name);
    add(output_, host_);
  }
  add(output_, static_cast<std::uint8_t>(port_ >> 8));
  add(output_, static_cast<std::uint8_t>(port_ & 0xff));
  expect(expects::reply, 4);
}

void socks_client::take_reply(std::span<const std::byte> bytes) {
  const std::uint8_t code = number(bytes[1]);
  if (number(bytes[0]) != socks_version)
    no_protocol("a reply of version " + std::to_string(number(bytes[0])));
  if (code >= refusals.size()) no_protocol("a reply of unknown code " + std::to_string(code));
  if (code != 0) {
    const refusal& r = refusals.at(code);
    throw socks_error(r.error, "SOCKS5: the proxy cannot connect to " + host_ + ':' +
                                   std::to_string(port_) + ": " + r.what);
  }
  if (number(bytes[2]) != 0) no_protocol("a reply whose reserved byte is not 0");
  address_kind_ = number(bytes[3]);
  switch (address_kind_) {
    case kind_v4: return expect(expects::address, 4 + 2);
    case kind_v6: return expect(expects::address, 16 + 2);
    case kind_name: return expect(expects::name_length, 1);
    default: no_protocol("a reply with an address of kind " + std::to_string(address_kind_));
  }
}

void socks_client::take_address(std::span<const std::byte> bytes) {
  const std::size_t size = bytes.size() - 2;
  if (address_kind_ == kind_v4) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    std::memcpy(&in.sin_addr, bytes.data(), size);
    std::memcpy(&in.sin_port, bytes.data() + size, 2);
    bound_ = endpoint::from_sockaddr(reinterpret_cast<const sockaddr*>(&in), sizeof in);
  } else if (address_kind_ == kind_v6) {
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    std::memcpy(&in.sin6_addr, bytes.data(), size);
    std::memcpy(&in.sin6_port, bytes.data() + size, 2);
    bound_ = endpoint::from_sockaddr(reinterpret_cast<const sockaddr*>(&in), sizeof in);
  }
  expect(expects::nothing, 0);
}

}  // namespace detail

}  // namespace rondo::net
