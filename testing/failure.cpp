#include <rondo/testing/failure.hpp>

#include <string_view>

namespace rondo::test {

void expect(bool so, const std::string& sentence, std::source_location where) {
  if (so) return;
  std::string_view file = where.file_name();
  if (const auto slash = file.rfind('/'); slash != std::string_view::npos)
    file.remove_prefix(slash + 1);
  throw failure(std::string(file) + ':' + std::to_string(where.line()) + ": " + sentence);
}

}  // namespace rondo::test
