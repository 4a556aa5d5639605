#include "support/source_root.hpp"

namespace rondo_test {

std::filesystem::path source_root() { return RONDO_SOURCE_ROOT; }

}  // namespace rondo_test
