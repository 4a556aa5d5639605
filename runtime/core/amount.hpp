// A number of things, as a caller gives it: a size, a limit, how many permits.
//
// Any integer makes one, and what it cannot hold is refused: -1 is not a huge unsigned number.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <utility>

namespace rondo::detail {

template <std::unsigned_integral U>
class basic_amount {
 public:
  // Throws std::invalid_argument for a negative number, and for one too large for U.
  template <std::integral N>
    requires(!std::same_as<std::remove_cv_t<N>, bool>)
  constexpr basic_amount(N n)  // NOLINT(google-explicit-constructor): it stands for the number
      : value_(static_cast<U>(n)) {
    if constexpr (std::is_signed_v<N>) {
      if (n < 0) [[unlikely]]
        throw std::invalid_argument("rondo: a negative number where a size or a limit is wanted");
    }
    if (!std::in_range<U>(n)) [[unlikely]]
      throw std::invalid_argument("rondo: a size or a limit is too large");
  }
  constexpr operator U() const noexcept { return value_; }  // NOLINT(google-explicit-constructor)

 private:
  U value_;
};

using amount = basic_amount<std::size_t>;
using amount32 = basic_amount<std::uint32_t>;

}  // namespace rondo::detail
