#include "httpbin_digest.hpp"

#include "json.hpp"

#include <rondo/http/client/digest.hpp>
#include <rondo/http/cookies.hpp>
#include <rondo/http/parts/random_bytes.hpp>
#include <rondo/http/server_auth.hpp>
#include <rondo/http/wire/ascii.hpp>
#include <rondo/version.hpp>

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

namespace rondo::tools {

using http::server_request;
using http::server_response;

namespace {

constexpr std::string_view realm = "me@rondo.example";
constexpr std::string_view never = "never";

// What is asked for by a path.
struct digest_terms {
  std::string user;
  std::string password;
  bool auth = true;
  bool auth_int = true;
  bool sha256 = false;
  std::string_view algorithm() const { return sha256 ? "SHA-256" : "MD5"; }
};

digest_terms terms_of(const server_request& r) {
  digest_terms t{.user = std::string(r.param("user")),
                 .password = std::string(r.param("password"))};
  if (r.param("qop") == "auth") t.auth_int = false;
  if (r.param("qop") == "auth-int") t.auth = false;
  t.sha256 = http::detail::iequals(r.param("algorithm"), "SHA-256");
  return t;
}

std::string value_of(const http::detail::digest_parameters& all, std::string_view wanted) {
  for (const auto& [name, value] : all)
    if (http::detail::iequals(name, wanted)) return value;
  return {};
}

// RFC 7616, section 3.4.1.
std::string expected_response(const digest_terms& t, const server_request& r,
                              const http::detail::digest_parameters& given,
                              const std::string& body) {
  const auto hash = [&](const std::string& s) { return http::detail::digest_hash(t.sha256, s); };
  const std::string qop = value_of(given, "qop");
  std::string a2 = r.method() + ':' + r.target();
  if (qop == "auth-int") a2 += ':' + hash(body);
  return hash(hash(t.user + ':' + std::string(realm) + ':' + t.password) + ':' +
              value_of(given, "nonce") + ':' + value_of(given, "nc") + ':' +
              value_of(given, "cnonce") + ':' + qop + ':' + hash(a2));
}

task<bool> holds(const digest_terms& t, server_request& r,
                 const http::detail::digest_parameters& given) {
  const std::string qop = value_of(given, "qop");
  const std::string algorithm = value_of(given, "algorithm");
  const bool understood =
      (qop == "auth" ? t.auth : qop == "auth-int" && t.auth_int) &&
      http::detail::iequals(algorithm.empty() ? "MD5" : algorithm, t.algorithm()) &&
      value_of(given, "username") == t.user && value_of(given, "realm") == realm &&
      value_of(given, "uri") == r.target();
  if (!understood) co_return false;
  const std::string body = co_await r.text();
  co_return http::equal_in_constant_time(expected_response(t, r, given, body),
                                         value_of(given, "response"));
}

server_response& remember(server_response& answer, const char* name, std::string_view value) {
  answer.set_cookie({.name = name, .value = std::string(value), .domain = {}, .expires = {}});
  return answer;
}

server_response digest_challenge_of(const digest_terms& t, bool stale) {
  std::string qop = t.auth ? "auth" : "";
  if (t.auth_int) qop += t.auth ? ", auth-int" : "auth-int";
  std::string field = "Digest realm=\"" + std::string(realm) + "\", nonce=\"" +
                      http::detail::random_hex(16) + "\", qop=\"" + qop + "\", opaque=\"" +
                      http::detail::random_hex(16) + "\", algorithm=" + std::string(t.algorithm());
  if (stale) field += ", stale=true";
  server_response answer(401);
  answer.header("WWW-Authenticate", field);
  return answer;
}

// What is left of a number of answers, as a cookie says it.
std::string one_less(std::string_view left) {
  unsigned n = 0;
  const auto [end, error] = std::from_chars(left.data(), left.data() + left.size(), n);
  if (error != std::errc() || end != left.data() + left.size() || n == 0) return std::string(never);
  return std::to_string(n - 1);
}

}  // namespace

task<server_response> digest_auth(server_request& r) {
  if (!features().tls) co_return server_response::text("rondo was built without OpenSSL\n", 501);
  const std::string_view named = r.param("algorithm");
  if (!named.empty() && !http::detail::iequals(named, "MD5") &&
      !http::detail::iequals(named, "SHA-256"))
    co_return server_response::text("/digest-auth knows MD5 and SHA-256\n", 400);
  const digest_terms terms = terms_of(r);
  const std::string_view stale_after =
      r.param("stale_after").empty() ? never : r.param("stale_after");
  const std::string wants = r.query("require-cookie").value_or("");
  const bool wants_cookie = wants == "1" || wants == "t" || wants == "true";
  const auto challenge = [&](bool stale, std::string_view used_nonce) {
    server_response answer = digest_challenge_of(terms, stale);
    remember(answer, "stale_after", stale_after);
    if (!used_nonce.empty()) remember(answer, "last_nonce", used_nonce);
    return std::move(remember(answer, "fake", "fake_value"));
  };

  const auto given =
      http::detail::read_digest_authorization(r.headers().get("Authorization").value_or(""));
  if (!given || (wants_cookie && !r.headers().contains("Cookie"))) co_return challenge(false, {});
  if (wants_cookie && r.cookie("fake") != "fake_value") {
    server_response answer =
        server_response::json("{\"errors\": [\"missing cookie set on challenge\"]}\n", 403);
    co_return std::move(remember(answer, "fake", "fake_value"));
  }
  const std::string nonce = value_of(*given, "nonce");
  const auto left = r.cookie("stale_after");
  if (r.cookie("last_nonce") == nonce || left == "0") co_return challenge(true, nonce);
  if (!co_await holds(terms, r, *given)) co_return challenge(false, nonce);

  server_response answer = server_response::json(
      "{\"authenticated\": true, \"user\": " + json_string(terms.user) + "}\n");
  if (left) remember(answer, "stale_after", one_less(*left));
  co_return std::move(remember(answer, "fake", "fake_value"));
}

}  // namespace rondo::tools
