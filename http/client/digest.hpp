// Digest authentication (RFC 7616): MD5 and SHA-256, with and without -sess, quality of protection
// "auth". Internal; users write request::digest_auth. Needs OpenSSL, for the hashes.
#pragma once

#include <rondo/http/client/settings.hpp>
#include <rondo/http/headers.hpp>
#include <rondo/http/url.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace rondo::http::detail {

// Throws std::invalid_argument for a colon in the name and for controls; std::logic_error when
// Rondo was built without OpenSSL.
[[nodiscard]] credentials digest_credentials(std::string_view username, std::string_view password);

struct digest_challenge {
  std::string realm;
  std::string nonce;
  std::string opaque;
  std::string algorithm = "MD5";  // as the server wrote it
  std::string domain;             // where it holds: URIs between spaces; empty: on the whole origin
  bool has_opaque = false;
  bool sess = false;
  bool sha256 = false;
  bool qop_auth = false;  // else the form of RFC 2069
  bool stale = false;     // the nonce was too old, not the credentials wrong
};

// The best challenge of a 401's fields that can be answered: SHA-256 before MD5. nullopt: none can.
[[nodiscard]] std::optional<digest_challenge> find_digest_challenge(const headers& response);

// The value of Authorization. `cnonce` is the client's own; `count` is 1 for the first request with
// the nonce.
[[nodiscard]] std::string digest_authorization(const digest_challenge& c, std::string_view username,
                                               std::string_view password, std::string_view method,
                                               std::string_view target, std::string_view cnonce,
                                               std::uint32_t count = 1);

// For who checks an answer: the parameters of an Authorization field; nullopt when it is not of
// Digest.
using digest_parameters = std::vector<std::pair<std::string, std::string>>;
[[nodiscard]] std::optional<digest_parameters> read_digest_authorization(std::string_view field);
// In hexadecimal; MD5 else. Throws std::logic_error when Rondo was built without OpenSSL.
[[nodiscard]] std::string digest_hash(bool sha256, std::string_view text);

// The challenges that a client has answered: one for each origin and user, the latest. While a
// nonce holds, requests bring their answer unasked, with a count that goes up (RFC 7616, section
// 3.4).
class digest_sessions {
 public:
  // Whether an answer is known for this URL.
  [[nodiscard]] bool covers(const http::url& u, const credentials& own) const;
  void begin(const http::url& u, const credentials& own, digest_challenge c);
  // The credentials were refused.
  void end(const http::url& u, const credentials& own);
  // The next value of Authorization; empty when nothing is known any more: another request was
  // refused meanwhile.
  [[nodiscard]] std::string authorize(const http::url& u, const credentials& own,
                                      std::string_view method);
  // Takes the nonce for the next requests from Authentication-Info (RFC 7616, section 3.5).
  void hear(const http::url& u, const credentials& own, const headers& response);

 private:
  struct session {
    digest_challenge challenge;
    std::string cnonce;
    std::uint32_t count = 0;
  };
  std::unordered_map<std::string, session> all_;
};

}  // namespace rondo::http::detail
