#include <rondo/runtime/core/immortal.hpp>
#include <rondo/runtime/inside/debug_table.hpp>

#include <mutex>

// Visible, and kept although nobody reads it here.
extern "C" {
[[gnu::used, gnu::visibility("default")]] constinit rondo::detail::debug_table rondo_debug_table;
}

namespace rondo::detail {
namespace {

// A loop may end after main.
constinit immortal<std::mutex> debug_table_mutex;

}  // namespace

void enter_layout(void (*describe)(debug_table&) noexcept) noexcept {
  const std::scoped_lock lock(debug_table_mutex.value);
  if (rondo_debug_table.entries == 0) describe(rondo_debug_table);
}

void enter_debug_table(const loop_core& l) noexcept {
  const std::scoped_lock lock(debug_table_mutex.value);
  for (const loop_core*& slot : rondo_debug_table.loops) {
    if (slot) continue;
    slot = &l;
    return;
  }
}

void leave_debug_table(const loop_core& l) noexcept {
  const std::scoped_lock lock(debug_table_mutex.value);
  for (const loop_core*& slot : rondo_debug_table.loops)
    if (slot == &l) slot = nullptr;
}

}  // namespace rondo::detail
