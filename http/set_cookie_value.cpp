// The writing of a Set-Cookie field (RFC 6265bis, section 4.1).
#include <rondo/http/cookies.hpp>
#include <rondo/http/wire/ascii.hpp>
#include <rondo/http/wire/http_date.hpp>

#include <algorithm>
#include <stdexcept>

namespace rondo::http::detail {
namespace {

constexpr std::size_t most_pair_bytes = 4096;

// cookie-octet: no controls, space, quote, comma, semicolon or backslash.
constexpr byte_class value_bytes = [] {
  byte_class out{};
  for (std::size_t c = 0x21; c < 0x7f; ++c) out[c] = true;
  for (char c : std::string_view("\",;\\")) out[static_cast<unsigned char>(c)] = false;
  return out;
}();

constexpr byte_class path_bytes = [] {
  byte_class out{};
  for (std::size_t c = 0x20; c < 0x7f; ++c) out[c] = true;
  out[';'] = false;
  return out;
}();

constexpr byte_class domain_bytes = [] {
  byte_class out{};
  for (std::size_t c = 0; c < 0x80; ++c)
    out[c] = is_alpha(static_cast<char>(c)) || is_digit(static_cast<char>(c));
  out['-'] = out['.'] = true;
  return out;
}();

bool all_in(const byte_class& set, std::string_view s) noexcept { return skip(set, s) == s.size(); }

std::string_view to_text(same_site s) noexcept {
  switch (s) {
    case same_site::unset: return {};
    case same_site::none: return "None";
    case same_site::lax: return "Lax";
    case same_site::strict: return "Strict";
  }
  return {};
}

}  // namespace

std::string set_cookie_value(const cookie& c) {
  const auto refuse = [](const char* why) {
    throw std::invalid_argument(std::string("a cookie cannot be set: ") + why);
  };
  if (!is_token(c.name)) refuse("its name is no token");
  std::string_view inner = c.value;
  if (inner.size() >= 2 && inner.front() == '"' && inner.back() == '"')
    inner = inner.substr(1, inner.size() - 2);
  if (!all_in(value_bytes, inner)) refuse("its value has a byte that no cookie's value may have");
  if (c.name.size() + c.value.size() > most_pair_bytes) refuse("it has more than 4096 bytes");
  if (!c.path.empty() && (c.path.front() != '/' || !all_in(path_bytes, c.path)))
    refuse("its path is none");
  if (!c.host_only && (c.domain.empty() || !all_in(domain_bytes, c.domain)))
    refuse("its domain is none");
  if (c.same_site == same_site::none && !c.secure) refuse("SameSite=None needs Secure");
  const bool host = istarts_with(c.name, "__Host-");
  if ((host || istarts_with(c.name, "__Secure-")) && !c.secure) refuse("its prefix needs Secure");
  if (host && (!c.host_only || c.path != "/")) refuse("__Host- needs the path / and no domain");

  std::string out = c.name + '=' + c.value;
  if (!c.path.empty()) out.append("; Path=").append(c.path);
  if (!c.host_only) out.append("; Domain=").append(c.domain);
  if (c.expires) out.append("; Expires=").append(http_date(*c.expires));
  if (c.secure) out += "; Secure";
  if (c.http_only) out += "; HttpOnly";
  if (c.same_site != same_site::unset) out.append("; SameSite=").append(to_text(c.same_site));
  return out;
}

}  // namespace rondo::http::detail
