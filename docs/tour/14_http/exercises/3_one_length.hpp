// Exercise 14.3: what two readers read differently.
//
// The length of a message, from the values of all its Content-Length fields. This one reads them
// like many programs do. `strtoul` takes blanks, signs and 0x for the beginning of a number, and
// whatever follows it for nothing; and of several fields it takes the first. Another reader takes
// the last. Refuse what can be read in two ways. Several that say the same say it once, in fields
// or in one, as "5, 5" (RFC 9110, 8.6).
#pragma once

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

namespace tour {

// The values are without blanks around them. Nothing: refused.
inline std::optional<std::uint64_t> length_of(const std::vector<std::string>& values) {
  if (values.empty()) return std::nullopt;
  return std::strtoul(values.front().c_str(), nullptr, 0);
}

}  // namespace tour
