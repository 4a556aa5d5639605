// Writes a whole file.
#pragma once

#include <cerrno>
#include <cstdio>
#include <string>
#include <system_error>

namespace rondo::tools {

// Anew, if there is one. Throws std::system_error that names the file.
inline void save_file(const std::string& path, const std::string& text) {
  std::FILE* const f = std::fopen(path.c_str(), "we");
  const bool written = f && std::fwrite(text.data(), 1, text.size(), f) == text.size();
  const bool closed = f && std::fclose(f) == 0;
  if (!written || !closed) throw std::system_error(errno, std::system_category(), path);
}

}  // namespace rondo::tools
