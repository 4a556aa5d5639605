#include <rondo/runtime/core/places.hpp>

namespace rondo::detail {

std::string_view file_of(const std::source_location& where) noexcept {
  const std::string_view path = where.file_name();
  return path.substr(path.find_last_of('/') + 1);
}

std::string_view short_name(std::string_view function) noexcept {
  if (const std::size_t with = function.find(" ["); with != std::string_view::npos)
    function = function.substr(0, with);
  const std::size_t open = function.find('(');
  const std::size_t space = function.substr(0, open).rfind(' ');
  return space == std::string_view::npos ? function : function.substr(space + 1);
}

void append_place(std::string& out, const std::source_location& where) {
  out += file_of(where);
  out += ':';
  out += std::to_string(where.line());
}

void append_await(std::string& out, const std::source_location& where) {
  out += short_name(where.function_name());
  out += " at ";
  append_place(out, where);
}

bool is_library(const std::source_location& where) noexcept {
  const std::string_view file = where.file_name();
  return file.find("rondo/runtime/") != std::string_view::npos ||
         file.find("rondo/patterns/") != std::string_view::npos;
}

const promise_base* own_frame(const job& j) noexcept {
  const promise_base* p = j.leaf();
  while (p && p->parent && is_library(p->awaiting)) p = p->parent;
  return p;
}

}  // namespace rondo::detail
