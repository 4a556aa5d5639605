// Where the public test data is: $RONDO_TEST_DATA, else ../shared/data beside the checkout.
#pragma once

#include "support/source_root.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

namespace rondo::test {

inline std::filesystem::path data_directory() {
  if (const char* given = std::getenv("RONDO_TEST_DATA"); given != nullptr && *given != '\0') {
    return given;
  }
  return rondo_test::source_root() / ".." / "shared" / "data";
}

// The bytes of a data file; nullopt when it is not there.
inline std::optional<std::string> read_data(const std::filesystem::path& relative) {
  std::ifstream in(data_directory() / relative, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(in), {});
}

}  // namespace rondo::test
