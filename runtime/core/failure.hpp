// The base that Rondo's own hierarchies of errors share, so that one error can belong to two of
// them and still be caught as a std::exception. Internal.
#pragma once

#include <rondo/version.hpp>

#include <stdexcept>

namespace rondo::detail {

// A virtual base: what() is the derived class's.
class failure : public std::runtime_error {
 public:
  failure() : std::runtime_error("") {}
};

}  // namespace rondo::detail
