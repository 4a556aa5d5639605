#include <rondo/http/client/auth.hpp>
#include <rondo/http/client/digest.hpp>
#include <rondo/http/errors.hpp>
#include <rondo/http/parts/random_bytes.hpp>
#include <rondo/http/wire/ascii.hpp>

#ifdef RONDO_HAVE_TLS
#include <openssl/evp.h>
#endif

#include <algorithm>
#include <array>
#include <cstdio>
#include <stdexcept>
#include <utility>
#include <vector>

namespace rondo::http::detail {

std::string digest_hash(bool sha256, std::string_view text) {
#ifdef RONDO_HAVE_TLS
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, sha256 ? EVP_sha256() : EVP_md5(),
                 nullptr) != 1)
    throw std::runtime_error(sha256 ? "OpenSSL has no SHA-256" : "OpenSSL has no MD5");
  std::string out;
  for (unsigned i = 0; i < size; ++i) {
    out += "0123456789abcdef"[digest[i] >> 4];
    out += "0123456789abcdef"[digest[i] & 15];
  }
  return out;
#else
  (void)sha256;
  (void)text;
  throw std::logic_error("Digest authentication needs a Rondo that was built with OpenSSL");
#endif
}

namespace {

void skip_spaces(std::string_view& s) {
  while (!s.empty() && is_ows(s.front())) s.remove_prefix(1);
}

std::string_view take_token(std::string_view& s) {
  const std::size_t n = skip(token_bytes, s);
  const std::string_view token = s.substr(0, n);
  s.remove_prefix(n);
  return token;
}

// Precondition: a quote is at the front. Without one at the end all that is left is taken.
std::string take_quoted(std::string_view& s) {
  s.remove_prefix(1);
  std::string out;
  while (!s.empty() && s.front() != '"') {
    if (s.front() == '\\' && s.size() > 1) s.remove_prefix(1);
    out += s.front();
    s.remove_prefix(1);
  }
  if (!s.empty()) s.remove_prefix(1);
  return out;
}

std::vector<std::string_view> members(std::string_view list) {
  std::vector<std::string_view> out;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    out.push_back(trim_ows(list.substr(0, comma)));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return out;
}

// What a parameter without quotes may hold is a token; much is written there that is none. It ends
// where the list does.
std::string take_value(std::string_view& s) {
  if (s.starts_with('"')) return take_quoted(s);
  const std::string_view value = s.substr(0, s.find_first_of(", \t"));
  s.remove_prefix(value.size());
  return std::string(value);
}

// Up to the comma that ends an element of the list, whatever it holds.
void skip_element(std::string_view& s) {
  while (!s.empty() && s.front() != ',') {
    if (s.front() == '"')
      take_quoted(s);
    else
      s.remove_prefix(1);
  }
}

struct challenge {
  std::string scheme;
  digest_parameters params;
};

// A list of: scheme [ 1*SP ( token68 / #( name BWS "=" BWS value ) ) ] (RFC 9110, section 11.6.1).
// Its commas part challenges and parameters alike: what "=" and a value follow is a parameter.
// What cannot be read is passed over, and so is a token68, of which at most "=" is taken for the
// value of a parameter that nobody asks for.
std::vector<challenge> parse_challenges(std::string_view s) {
  std::vector<challenge> out;
  bool begins = true;  // an element: only there a scheme may stand
  while (!s.empty()) {
    if (is_ows(s.front()) || s.front() == ',') {
      begins = begins || s.front() == ',';
      s.remove_prefix(1);
      continue;
    }
    const std::string_view word = take_token(s);
    std::string_view after = s;
    skip_spaces(after);
    if (!word.empty() && after.starts_with('=') && !out.empty()) {
      s = after.substr(1);
      skip_spaces(s);
      out.back().params.emplace_back(std::string(word), take_value(s));
    } else if (!word.empty() && begins && !after.starts_with('=') &&
               (s.empty() || s.front() == ',' || is_ows(s.front()))) {
      out.push_back({std::string(word), {}});
    } else {
      skip_element(s);
    }
    begins = false;
  }
  return out;
}

// Of a parameter that is said twice the first counts (RFC 9110, section 11.2, allows one).
std::optional<std::string_view> param(const challenge& c, std::string_view wanted) {
  for (const auto& [name, value] : c.params)
    if (iequals(name, wanted)) return value;
  return std::nullopt;
}

// Takes the algorithm that a challenge names, of several the first one with SHA-256; false when
// none is known.
bool take_algorithm(digest_challenge& c, std::string_view names) {
  bool known = false;
  for (const std::string_view name : members(names)) {
    std::string_view base = name;
    const bool sess = base.size() > 5 && iequals(base.substr(base.size() - 5), "-sess");
    if (sess) base.remove_suffix(5);
    const bool sha256 = iequals(base, "SHA-256");
    if (!sha256 && !iequals(base, "MD5")) continue;
    if (known && (c.sha256 || !sha256)) continue;
    known = true;
    c.algorithm = name;
    c.sess = sess;
    c.sha256 = sha256;
  }
  return known;
}

std::optional<digest_challenge> understand(const challenge& from) {
  if (!iequals(from.scheme, "digest")) return std::nullopt;
  digest_challenge c;
  c.realm = param(from, "realm").value_or("");
  c.nonce = param(from, "nonce").value_or("");
  c.domain = param(from, "domain").value_or("");
  c.stale = iequals(param(from, "stale").value_or(""), "true");
  c.has_opaque = param(from, "opaque").has_value();
  c.opaque = param(from, "opaque").value_or("");
  const auto qop = param(from, "qop");
  for (const std::string_view one : members(qop.value_or("")))
    c.qop_auth = c.qop_auth || iequals(one, "auth");
  if (c.nonce.empty() || (qop && !c.qop_auth)) return std::nullopt;
  if (!take_algorithm(c, param(from, "algorithm").value_or("MD5"))) return std::nullopt;
  return c;
}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string joined(std::initializer_list<std::string_view> parts) {
  std::string out;
  for (const std::string_view p : parts) {
    if (!out.empty()) out += ':';
    out += p;
  }
  return out;
}

}  // namespace

credentials digest_credentials(std::string_view username, std::string_view password) {
#ifdef RONDO_HAVE_TLS
  (void)basic_authorization(username, password);  // the same bytes are refused
  return {std::string(username), std::string(password)};
#else
  (void)username;
  (void)password;
  throw std::logic_error("Digest authentication needs a Rondo that was built with OpenSSL");
#endif
}

std::optional<digest_challenge> find_digest_challenge(const headers& response) {
  std::optional<digest_challenge> best;
  for (const std::string_view value : response.get_all("www-authenticate"))
    for (const challenge& c : parse_challenges(value)) {
      std::optional<digest_challenge> understood = understand(c);
      if (understood && (!best || (understood->sha256 && !best->sha256)))
        best = std::move(understood);
    }
  return best;
}

// A field of credentials is written as one challenge is (RFC 9110, section 11.4).
std::optional<digest_parameters> read_digest_authorization(std::string_view field) {
  std::vector<challenge> all = parse_challenges(field);
  if (all.size() != 1 || !iequals(all.front().scheme, "digest")) return std::nullopt;
  return std::move(all.front().params);
}

std::string digest_authorization(const digest_challenge& c, std::string_view username,
                                 std::string_view password, std::string_view method,
                                 std::string_view target, std::string_view cnonce,
                                 std::uint32_t uses) {
  std::array<char, 9> count{};
  std::snprintf(count.data(), count.size(), "%08x", uses);
  std::string a1 = joined({username, c.realm, password});
  if (c.sess) a1 = joined({digest_hash(c.sha256, a1), c.nonce, cnonce});
  const std::string secret = digest_hash(c.sha256, a1);
  const std::string request = digest_hash(c.sha256, joined({method, target}));
  const std::string response = digest_hash(
      c.sha256, c.qop_auth ? joined({secret, c.nonce, count.data(), cnonce, "auth", request})
                           : joined({secret, c.nonce, request}));
  std::string out = "Digest username=" + in_quotes(username) + ", realm=" + in_quotes(c.realm) +
                    ", nonce=" + in_quotes(c.nonce) + ", uri=" + in_quotes(target) +
                    ", algorithm=" + c.algorithm + ", response=\"" + response + '"';
  if (c.has_opaque) out += ", opaque=" + in_quotes(c.opaque);
  if (c.qop_auth || c.sess) out += ", cnonce=" + in_quotes(cnonce);
  if (c.qop_auth) out += std::string(", qop=auth, nc=") + count.data();
  return out;
}

namespace {

constexpr std::size_t max_sessions = 1000;

std::string key_of(const http::url& u, const credentials& own) {
  return u.origin() + ' ' + own.username;
}

// RFC 7616, section 3.3: what begins with one of the URIs, after both are made absolute.
bool in_domain(std::string_view uris, const http::url& u) {
  if (uris.empty()) return true;
  while (!uris.empty()) {
    const std::size_t end = std::min(uris.find(' '), uris.size());
    const std::string_view text = uris.substr(0, end);
    uris.remove_prefix(std::min(end + 1, uris.size()));
    try {
      const http::url one = http::url::parse(text, u);
      if (one.origin() == u.origin() && u.path().starts_with(one.path())) return true;
    } catch (const url_error&) {
      continue;  // one that cannot be read covers nothing
    }
  }
  return false;
}

}  // namespace

bool digest_sessions::covers(const http::url& u, const credentials& own) const {
  const auto at = all_.find(key_of(u, own));
  return at != all_.end() && in_domain(at->second.challenge.domain, u);
}

void digest_sessions::begin(const http::url& u, const credentials& own, digest_challenge c) {
  std::string key = key_of(u, own);
  if (all_.size() >= max_sessions && !all_.contains(key)) all_.erase(all_.begin());
  all_.insert_or_assign(std::move(key),
                        session{.challenge = std::move(c), .cnonce = random_hex(16)});
}

void digest_sessions::end(const http::url& u, const credentials& own) {
  all_.erase(key_of(u, own));
}

std::string digest_sessions::authorize(const http::url& u, const credentials& own,
                                       std::string_view method) {
  const auto at = all_.find(key_of(u, own));
  if (at == all_.end()) return {};
  session& s = at->second;
  return digest_authorization(s.challenge, own.username, own.password, method, u.target(), s.cnonce,
                              ++s.count);
}

void digest_sessions::hear(const http::url& u, const credentials& own, const headers& response) {
  const auto info = response.get("authentication-info");
  if (!info) return;
  const auto at = all_.find(key_of(u, own));
  if (at == all_.end()) return;
  // The field is a challenge's parameters without a scheme.
  for (const challenge& c : parse_challenges("info " + std::string(*info)))
    for (const auto& [name, value] : c.params) {
      if (!iequals(name, "nextnonce") || value.empty() || value == at->second.challenge.nonce)
        continue;
      at->second.challenge.nonce = value;
      at->second.cnonce = random_hex(16);
      at->second.count = 0;
    }
}

}  // namespace rondo::http::detail
