#include <rondo/http/errors.hpp>
#include <rondo/http/percent.hpp>
#include <rondo/http/proxy.hpp>
#include <rondo/http/wire/ascii.hpp>
#include <rondo/net/address.hpp>
#include <rondo/runtime/log.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <mutex>
#include <set>
#include <stdexcept>
#include <utility>

namespace rondo::http {
namespace {

struct scheme {
  std::string_view name;
  proxy_kind kind;
};
constexpr std::array<scheme, 2> socks_schemes{
    {{"socks5://", proxy_kind::socks5}, {"socks5h://", proxy_kind::socks5h}}};

// Whether the part before the path ends with a port.
bool names_port(std::string_view rest) {
  std::string_view host = rest.substr(0, rest.find_first_of("/?#"));
  if (const std::size_t at = host.rfind('@'); at != std::string_view::npos)
    host.remove_prefix(at + 1);
  if (const std::size_t bracket = host.rfind(']'); bracket != std::string_view::npos)
    host.remove_prefix(bracket);
  return host.find(':') != std::string_view::npos;
}

// RFC 1929, section 2.
void check_socks_login(const http::url& u, std::string_view text) {
  constexpr std::size_t most = 255;
  const std::size_t user = percent_decode(u.username()).size();
  const std::size_t password = percent_decode(u.password()).size();
  if (u.has_credentials() && (user == 0 || user > most || password == 0 || password > most))
    throw url_error("a SOCKS5 login is a user and a password of 1 to 255 bytes each", text, 0);
}

struct variable {
  const char* name = nullptr;  // nullptr: none is set
  std::string_view value;
};

// The first one that is set to something.
variable environment(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const char* value = std::getenv(name);
    if (value && std::string_view(value).find_first_not_of(" \t") != std::string_view::npos)
      return {name, value};
  }
  return {};
}

// The part up to a comma or a space, which is dropped with it; empty between two of them.
std::string_view take_part(std::string_view& list) {
  const std::size_t end = std::min(list.find_first_of(", \t"), list.size());
  const std::string_view part = list.substr(0, end);
  list.remove_prefix(std::min(end + 1, list.size()));
  return part;
}

// Each sentence once in the life of the process: clients are made again and again.
void report_once(std::string sentence) {
  for (char& c : sentence)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  static std::mutex lock;
  static std::set<std::string> said;
  constexpr std::size_t most = 1000;
  const std::scoped_lock held(lock);
  if (said.size() < most && said.insert(sentence).second)
    rondo::detail::log(log_level::warning, "http", sentence);
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

// SOCKS URLs have the form of http URLs, and are read as such.
proxy::server proxy::read_server(std::string_view text) {
  for (const scheme& s : socks_schemes) {
    if (text.size() < s.name.size() || !detail::iequals(text.substr(0, s.name.size()), s.name))
      continue;
    std::string rest(text.substr(s.name.size()));
    if (!names_port(rest)) rest.insert(std::min(rest.find_first_of("/?#"), rest.size()), ":1080");
    server found{http::url::parse("http://" + rest), s.kind};
    check_socks_login(found.at, text);
    return found;
  }
  // "host:3128" is how many write it.
  const bool bare = text.find("://") == std::string_view::npos;
  http::url u = http::url::parse(bare ? "http://" + std::string(text) : std::string(text));
  if (u.scheme() != "http")
    throw url_error(
        "a proxy is spoken to by http, socks5 or socks5h, not " + std::string(u.scheme()), text, 0);
  return {std::move(u), proxy_kind::http};
}

proxy::proxy(std::string_view url) : for_http_(read_server(url)), for_https_(for_http_) {}

proxy proxy::from_environment() {
  proxy p;
  p.for_http_ = from_variables({"http_proxy", "all_proxy", "ALL_PROXY"});
  p.for_https_ = from_variables({"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"});
  p.except_readable("no_proxy", "NO_PROXY");
  return p;
}

proxy::choice proxy::from_variables(std::initializer_list<const char*> names) {
  const variable v = environment(names);
  if (!v.name) return {};
  try {
    return read_server(v.value);
  } catch (const url_error& e) {
    std::string_view why = e.message();
    const std::string place = ", at byte " + std::to_string(e.position());
    if (why.ends_with(place)) why.remove_suffix(place.size());  // it is added again
    return unusable{v.name, std::string(v.value), std::string(why), e.position()};
  }
}

void proxy::except_readable(const char* lower, const char* upper) {
  const variable v = environment({lower, upper});
  for (std::string_view list = v.value; !list.empty();) {
    try {
      except(take_part(list));
    } catch (const std::invalid_argument& e) {
      report_once(std::string(v.name) + " holds a part that is ignored: " + e.what());
    }
  }
}

proxy& proxy::except(std::string_view list) & {
  std::vector<exception> more;
  bool everything = false;
  while (!list.empty()) {
    const std::string_view part = take_part(list);
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
  const choice& p = target.is_secure() ? for_https_ : for_http_;
  if (std::holds_alternative<std::monostate>(p) || everything_) return nullptr;
  for (const exception& e : exceptions_)
    if (applies(e, target)) return nullptr;
  if (const auto* bad = std::get_if<unusable>(&p))
    throw url_error("the proxy that " + bad->variable + " names cannot be used: " + bad->why,
                    bad->value, bad->position);
  return &std::get<server>(p).at;
}

proxy_kind proxy::kind_for(const http::url& target) const noexcept {
  const auto* s = std::get_if<server>(target.is_secure() ? &for_https_ : &for_http_);
  return s ? s->kind : proxy_kind::http;
}

}  // namespace rondo::http
