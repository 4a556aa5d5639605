#include <rondo/http/parts/base64.hpp>
#include <rondo/http/server_auth.hpp>
#include <rondo/http/wire/ascii.hpp>

#include <algorithm>
#include <optional>
#include <stdexcept>

namespace rondo::http {
namespace {

// What the one Authorization field says behind this scheme; nullopt when there is none, or several,
// or another scheme.
std::optional<std::string_view> credentials_of(const server_request& r, std::string_view scheme) {
  if (r.headers().count("Authorization") != 1) return std::nullopt;
  const std::string_view field = *r.headers().get("Authorization");
  const std::size_t space = field.find(' ');
  if (space == std::string_view::npos || !detail::iequals(field.substr(0, space), scheme))
    return std::nullopt;
  return detail::trim_ows(field.substr(space));
}

server_response challenged(const std::string& challenge) {
  return server_response::text("who are you?\n", 401).header("WWW-Authenticate", challenge);
}

// Looks at all of them, so that the time does not tell which it was.
bool is_one_of(const credential_list& known, std::string_view user, std::string_view secret) {
  bool found = false;
  for (const auto& [name, password] : known) {
    const bool same_user = equal_in_constant_time(name, user);
    const bool same_secret = equal_in_constant_time(password, secret);
    found = found | (same_user & same_secret);
  }
  return found;
}

}  // namespace

namespace detail {

std::string quoted_realm(std::string_view realm) {
  std::string out = "\"";
  for (const char c : realm) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      throw std::invalid_argument("a realm holds a control byte");
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

}  // namespace detail

bool equal_in_constant_time(std::string_view secret, std::string_view given) noexcept {
  // An empty secret is compared with something too, and never equal to anything but nothing.
  unsigned difference = secret.size() == given.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const char expected = secret.empty() ? '\0' : secret[i % secret.size()];
    // Volatile, so that no compiler leaves the loop early.
    volatile unsigned so_far =
        difference | static_cast<unsigned>(static_cast<unsigned char>(expected ^ given[i]));
    difference = so_far;
  }
  return difference == 0;
}

basic_auth::basic_auth(std::string_view realm, credential_list users)
    : basic_auth(realm, [users = std::move(users)](std::string_view user, std::string_view secret) {
        return is_one_of(users, user, secret);
      }) {}

task<server_response> basic_auth::operator()(server_request& r, next& rest) const {
  if (const auto given = credentials_of(r, "Basic")) {
    const std::optional<std::string> pair = detail::from_base64(*given);
    const std::size_t colon = pair ? pair->find(':') : std::string::npos;
    if (colon != std::string::npos) {
      std::string user = pair->substr(0, colon);
      const bool known = co_await check_->holds(user, std::string_view(*pair).substr(colon + 1));
      if (known) {
        r.put(authenticated{std::move(user)});
        co_return co_await rest(r);
      }
    }
  }
  co_return challenged("Basic realm=" + realm_ + ", charset=\"UTF-8\"");
}

bearer_auth::bearer_auth(std::string_view realm, std::vector<std::string> tokens)
    : bearer_auth(realm, [tokens = std::move(tokens)](std::string_view token) {
        bool found = false;
        for (const std::string& known : tokens) found |= equal_in_constant_time(known, token);
        return found;
      }) {}

// RFC 6750, section 3: no error is told to who brought no credentials.
task<server_response> bearer_auth::operator()(server_request& r, next& rest) const {
  const auto token = credentials_of(r, "Bearer");
  if (!token || token->empty()) co_return challenged("Bearer realm=" + realm_);
  const bool known = co_await check_->holds({}, *token);
  if (!known) co_return challenged("Bearer realm=" + realm_ + ", error=\"invalid_token\"");
  r.put(authenticated{std::string(*token)});
  co_return co_await rest(r);
}

}  // namespace rondo::http
