// What a debugger must know of the runtime's layout, as data in the program: share/rondo/gdb.py
// reads it, so that neither a live process nor a core needs debug information.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace rondo::detail {

class loop_core;

struct debug_entry {
  std::array<char, 24> name{};
  std::int64_t value = 0;
};
struct debug_table {
  static constexpr std::size_t most_entries = 64;
  static constexpr std::size_t most_loops = 256;
  std::array<char, 16> magic{'r', 'o', 'n', 'd', 'o', '-', 'd', 'e', 'b', 'u', 'g', '-', '1'};
  std::uint64_t entries = 0;
  std::array<debug_entry, most_entries> entry{};
  std::array<const loop_core*, most_loops> loops{};  // those that are there; others nullptr

  void add(std::string_view name, std::int64_t value) noexcept {
    if (entries == most_entries) return;
    debug_entry& e = entry[entries++];
    for (std::size_t i = 0; i < name.size() && i + 1 < e.name.size(); ++i) e.name[i] = name[i];
    e.value = value;
  }
};

// Where a member is: what a pointer to it holds (Itanium C++ ABI, 2.3.1).
template <class C, class M>
std::int64_t offset_in(M C::* member) noexcept {
  static_assert(sizeof member == sizeof(std::ptrdiff_t));
  return std::bit_cast<std::ptrdiff_t>(member);
}

// Where a base is in what is derived from it.
template <class Derived, class Base>
std::int64_t base_in() noexcept {
  alignas(Derived) static constinit char somewhere[sizeof(Derived)] = {};  // the address alone
  auto* const d = reinterpret_cast<Derived*>(somewhere);
  return reinterpret_cast<const char*>(static_cast<Base*>(d)) - somewhere;
}

// Reaches a private member: an explicit instantiation may name it.
template <class Tag, auto Member>
struct private_member {
  friend constexpr auto reach(Tag) noexcept { return Member; }
};

// The table's entries, made once.
void enter_layout(void (*describe)(debug_table&) noexcept) noexcept;
// Of loop_core's making and end.
void enter_debug_table(const loop_core& l) noexcept;
void leave_debug_table(const loop_core& l) noexcept;

}  // namespace rondo::detail
