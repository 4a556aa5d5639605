// Addresses of the program's code in words, with file and line where the program has debug
// information. It is read by libdw (elfutils), which is looked for when it is first needed: a
// program that never stalls does not load it, and one on a machine without it is told the functions
// that it exports, and offsets for addr2line. Never in a signal handler.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace rondo::detail {

struct code_place {
  std::string function;     // empty: not known
  std::string outer;        // the function whose code it stands in
  std::string where;        // "a.cpp:12", or "app+0x1234"
  bool of_program = false;  // it is in the program's own file, not in a shared library
};

// Innermost first; a function that the compiler put into another is a place of its own. All but the
// first address are return addresses, and the call before them is what is named. Throws
// std::bad_alloc.
std::vector<code_place> places_of(std::span<void* const> addresses);

}  // namespace rondo::detail
