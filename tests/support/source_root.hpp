// Where the tree is that the tests were built from.
#pragma once

#include <filesystem>

namespace rondo_test {

std::filesystem::path source_root();

}  // namespace rondo_test
