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

}  // namespace rondo::detail
