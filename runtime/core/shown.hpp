// What a loop has beside tasks, and tells to who looks inside (inside/listing.hpp): pools, servers.
// Where nobody may look it stands in no list.
//
//   this_core().show(my_pool);            // when it is used first on this loop
#pragma once

#include <rondo/runtime/core/intrusive_list.hpp>

#include <cstdint>
#include <string_view>

namespace rondo::detail {

// Hears of it, a line after the other.
class shown_visitor {
 public:
  // Begins a line. "server", "pool", …; `name`: which of them, where it has a name.
  virtual void line(const char* what, std::string_view name = {}) = 0;
  virtual void number(const char* name, std::uint64_t n) = 0;
  // The same of a limit, which is not told when there is none: the largest std::size_t.
  void most(std::size_t n) {
    if (n != static_cast<std::size_t>(-1)) number("most", n);
  }

 protected:
  ~shown_visitor() = default;
};

class shown : public list_node {
 public:
  shown(const shown&) = delete;
  shown& operator=(const shown&) = delete;
  // On the loop's thread, between two steps; quickly. Throws std::bad_alloc.
  virtual void tell(shown_visitor& v) const = 0;

 protected:
  shown() = default;
  ~shown() {
    if (linked()) unlink();
  }
};

}  // namespace rondo::detail
