#include <rondo/http/client/auth.hpp>
#include <rondo/http/parts/base64.hpp>
#include <rondo/http/wire/ascii.hpp>

#include <algorithm>
#include <stdexcept>

namespace rondo::http::detail {
namespace {

bool has_control(std::string_view s) {
  return std::ranges::any_of(
      s, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

// b64token, RFC 6750, section 2.1.
bool is_bearer_byte(char c) {
  return is_alpha(c) || is_digit(c) ||
         std::string_view("-._~+/=").find(c) != std::string_view::npos;
}

}  // namespace

std::string basic_authorization(std::string_view username, std::string_view password) {
  if (username.find(':') != std::string_view::npos)
    throw std::invalid_argument("a user name for Basic authentication holds a colon");
  if (has_control(username) || has_control(password))
    throw std::invalid_argument("credentials for Basic authentication hold a control byte");
  std::string both(username);
  both += ':';
  both += password;
  return "Basic " + base64(both);
}

std::string bearer_authorization(std::string_view token) {
  if (token.empty() || !std::ranges::all_of(token, is_bearer_byte))
    throw std::invalid_argument("a bearer token is empty or holds a byte that it may not");
  return "Bearer " + std::string(token);
}

}  // namespace rondo::http::detail
