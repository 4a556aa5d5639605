// A certificate that a test server makes for itself, which no client trusts unless it is told to.
#pragma once

#include <string>
#include <vector>

namespace rondo::tools {

struct self_signed {
  std::string certificate;  // PEM
  std::string key;          // PEM
};

// For these names and addresses (subjectAltName), from now for 30 days; its key, on P-256, is new.
// Throws std::runtime_error when OpenSSL fails or the build has none, std::invalid_argument without
// a name.
self_signed make_self_signed(const std::vector<std::string>& names);

}  // namespace rondo::tools
