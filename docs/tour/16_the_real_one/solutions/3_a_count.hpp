// Exercise 16.3: a count that sees it. A view is enough, because each task is awaited in the
// expression that makes it: the text outlives them all. (For a task that is spawned it would be
// wrong.)
#pragma once

#include <rondo/runtime.hpp>

#include <string>
#include <string_view>

namespace tour {

inline rondo::task<std::size_t> letters_of(std::string_view text) { co_return text.size(); }

inline rondo::task<std::size_t> trimmed(std::string_view text) {
  co_return co_await letters_of(text.substr(text.find_first_not_of(' ')));
}

inline rondo::task<std::size_t> count_letters(const std::string& text) {
  co_return co_await trimmed(text);
}

}  // namespace tour
