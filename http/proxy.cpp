#include <rondo/http/ascii.hpp>
#include <rondo/http/errors.hpp>
#include <rondo/http/proxy.hpp>
#include <rondo/net/address.hpp>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <stdexcept>

namespace rondo::http {
namespace {

http::url proxy_url(std::string_view text) {
  // "host:3128" is how many write it.
  const bool bare = text.find("://") == std::string_view::npos;
  http::url u = http::url::parse(bare ? "http://" + std::string(text) : std::string(text));
  if (u.scheme() != "http")
    throw url_error("a proxy is spoken to by http, not " + std::string(u.scheme()), text, 0);
  return u;
}

std::string_view environment(const char* lower, const char* upper) {
  for (const char* name : {lower, upper})
    if (const char* value = name ? std::getenv(name) : nullptr; value && *value) return value;
  return {};
}

template <class Number>
bool whole_number(std::string_view text, Number most, Number& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && out <= most;
}

bool same_network(const net::address& a, const net::address& b, unsigned bits) {
  if (a.is_v4() != b.is_v4()) return false;
  for (unsigned i = 0; i < bits; ++i) {
    const auto differ = static_cast<unsigned>(a.bytes()[i / 8] ^ b.bytes()[i / 8]);
    if ((differ >> (7 - i % 8) & 1) != 0) return false;
  }
  return true;
}

}  // namespace

proxy::proxy(std::string_view url) : for_http_(proxy_url(url)), for_https_(for_http_) {}

proxy proxy::from_environment() {
  proxy p;
  const std::string_view all = environment("all_proxy", "ALL_PROXY");
  std::string_view plain = environment("http_proxy", nullptr);
  std::string_view secure = environment("https_proxy", "HTTPS_PROXY");
  if (plain.empty()) plain = all;
  if (secure.empty()) secure = all;
  if (!plain.empty()) p.for_http_ = proxy_url(plain);
  if (!secure.empty()) p.for_https_ = proxy_url(secure);
  p.except(environment("no_proxy", "NO_PROXY"));
  return p;
}

proxy& proxy::except(std::string_view list) & {
  std::vector<exception> more;
  bool everything = false;
  while (!list.empty()) {
    const std::size_t end = std::min(list.find_first_of(", \t"), list.size());
    const std::string_view part = list.substr(0, end);
    list.remove_prefix(std::min(end + 1, list.size()));
    if (part == "*")
      everything = true;
    else if (!part.empty())
      more.push_back(read_exception(part));
  }
  exceptions_.insert(exceptions_.end(), more.begin(), more.end());
  everything_ = everything_ || everything;
  return *this;
}

proxy::exception proxy::read_exception(std::string_view text) {
  const auto bad = [&] {
    throw std::invalid_argument("no exception from a proxy: \"" + std::string(text) + '"');
  };
  exception e;
  std::string_view host = text;
  const std::size_t slash = host.find('/');
  if (slash != std::string_view::npos) {
    if (!whole_number(host.substr(slash + 1), 128U, e.bits)) bad();
    host = host.substr(0, slash);
  }
  // An IPv6 address has colons of its own, and a port behind its brackets only.
  net::address address;
  const bool is_address = net::address::try_parse(host, address);
  const std::size_t colon = host.rfind(':');
  const std::size_t bracket = host.rfind(']');
  if (!is_address && colon != std::string_view::npos &&
      (bracket == std::string_view::npos || colon > bracket)) {
    std::uint16_t port = 0;
    if (!whole_number(host.substr(colon + 1), std::uint16_t{65535}, port)) bad();
    e.port = port;
    host = host.substr(0, colon);
  }
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (net::address::try_parse(host, address)) {
    const unsigned most = address.is_v4() ? 32 : 128;
    if (slash == std::string_view::npos) e.bits = most;
    if (e.bits > most) bad();
    e.address = host;
    return e;
  }
  if (slash != std::string_view::npos) bad();
  if (host.starts_with("*.")) host.remove_prefix(1);
  if (host.starts_with('.')) host.remove_prefix(1);
  if (host.empty()) bad();
  e.name = host;
  for (char& c : e.name) c = detail::to_lower(c);
  return e;
}

bool proxy::applies(const exception& e, const http::url& target) {
  if (e.port && *e.port != target.port()) return false;
  if (!e.name.empty()) {
    std::string_view host = target.hostname();
    if (host.ends_with('.')) host.remove_suffix(1);
    if (!host.ends_with(e.name)) return false;
    return host.size() == e.name.size() || host[host.size() - e.name.size() - 1] == '.';
  }
  net::address host;
  return net::address::try_parse(target.hostname(), host) &&
         same_network(host, net::address::parse(e.address), e.bits);
}

const http::url* proxy::for_target(const http::url& target) const {
  const std::optional<http::url>& p = target.is_secure() ? for_https_ : for_http_;
  if (!p || everything_) return nullptr;
  for (const exception& e : exceptions_)
    if (applies(e, target)) return nullptr;
  return &*p;
}

}  // namespace rondo::http
