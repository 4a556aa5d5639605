// Digest authentication (RFC 7616): MD5 and SHA-256, with and without -sess, quality of protection "auth". Internal;
// users write request::digest_auth. Needs OpenSSL, for the hashes.
#pragma once

#include <rondo/http/headers.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace rondo::http::detail {

// Whether this build has the hashes.
[[nodiscard]] bool digest_is_there() noexcept;

struct digest_challenge {
  std::string realm;
  std::string nonce;
  std::string opaque;
  std::string algorithm = "MD5";  // as the server wrote it
  bool has_opaque = false;
  bool sess = false;
  bool sha256 = false;
  bool qop_auth = false;  // else the form of RFC 2069
  bool stale = false;     // the nonce was too old, not the credentials wrong
};

// The best challenge of a 401's fields that can be answered: SHA-256 before MD5. nullopt: none can.
[[nodiscard]] std::optional<digest_challenge> find_digest_challenge(const headers& response);

// The value of Authorization. `cnonce` is the client's own.
[[nodiscard]] std::string digest_authorization(const digest_challenge& c, std::string_view username,
                                               std::string_view password, std::string_view method,
                                               std::string_view target, std::string_view cnonce);

}  // namespace rondo::http::detail
