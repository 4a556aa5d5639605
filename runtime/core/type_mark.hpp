// type_mark<T>: an address for each type, for code that keeps a pointer without its type and must
// tell later whose it was. It needs no RTTI.
#pragma once

namespace rondo::detail {

template <class T>
inline constexpr char type_mark = 0;

}  // namespace rondo::detail
