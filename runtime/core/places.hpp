// Where a job stands in the program's text, in words.
#pragma once

#include <rondo/runtime/core/job.hpp>

#include <source_location>
#include <string>
#include <string_view>

namespace rondo::detail {

// "a.cpp" of "/src/a.cpp".
std::string_view file_of(const std::source_location& where) noexcept;
// "f(int)" of "task<> ns::f(int) [T = …]": the signature without its result.
std::string_view short_name(std::string_view function) noexcept;
// "a.cpp:12"
void append_place(std::string& out, const std::source_location& where);
// It is in the library's scopes, and says nothing to the program's author.
bool is_library(const std::source_location& where) noexcept;
// That of the innermost co_await that is the program's own, else the outermost; nullptr when the
// job has no frame.
const promise_base* own_frame(const job& j) noexcept;

// Calls fn(const source_location&) for each await of the job that is the program's own, from the
// innermost to the outermost, until fn gives false. Those of the library's scopes are left out. The
// job must be at rest.
template <class Fn>
void for_each_await(const job& j, Fn fn) {
  const promise_base* const innermost = own_frame(j);
  for (const promise_base* p = innermost; p; p = p->parent) {
    if (p->awaiting.line() == 0 || (p != innermost && is_library(p->awaiting))) continue;
    if (!fn(p->awaiting)) return;
  }
}
// "f(int) at a.cpp:12"
void append_await(std::string& out, const std::source_location& where);

}  // namespace rondo::detail
