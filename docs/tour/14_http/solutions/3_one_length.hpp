// Exercise 14.3: what two readers read differently. Digits, all of them, and no more; and whatever
// is said twice is said in the same way.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tour {

// The values are without blanks around them. Nothing: refused.
inline std::optional<std::uint64_t> length_of(const std::vector<std::string>& values) {
  std::optional<std::uint64_t> length;
  for (std::string_view rest : values) {
    for (bool last = false; !last;) {
      const std::size_t comma = rest.find(',');
      last = comma == rest.npos;
      const std::string_view one = rest.substr(0, comma);
      std::uint64_t n = 0;
      const auto [end, error] = std::from_chars(one.data(), one.data() + one.size(), n);
      if (error != std::errc() || end != one.data() + one.size()) return std::nullopt;
      if (length && *length != n) return std::nullopt;
      length = n;
      if (last) break;
      rest.remove_prefix(comma + 1);
      rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
    }
  }
  return length;
}

}  // namespace tour
