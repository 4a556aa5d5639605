// Paths on their way to a system call, which ends at the first NUL byte: what stands before it
// would be another file. Internal.
#pragma once

#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>

namespace rondo::net::detail {

inline constexpr const char* nul_in_path = "a path must not hold a NUL byte";

inline bool holds_nul(std::string_view path) noexcept {
  return path.find('\0') != std::string_view::npos;
}

// As it can be shown: a NUL byte as \0.
inline std::string shown(std::string_view path) {
  std::string text;
  text.reserve(path.size());
  for (const char c : path) {
    if (c == '\0')
      text += "\\0";
    else
      text += c;
  }
  return text;
}

// Throws std::system_error, EINVAL, that names the path and what was to be done.
inline void refuse_nul(std::string_view path, const char* what) {
  if (holds_nul(path))
    throw std::system_error(EINVAL, std::system_category(),
                            std::string(what) + ' ' + shown(path) + ": " + nul_in_path);
}

}  // namespace rondo::net::detail
