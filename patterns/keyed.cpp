#include <rondo/patterns/keyed.hpp>

#include <stdexcept>

namespace rondo::detail {

std::size_t checked_key_limit(amount limit) {
  if (limit == 0) throw std::invalid_argument("keyed: a limit of 0 has no room for any policy");
  return limit;
}

}  // namespace rondo::detail
