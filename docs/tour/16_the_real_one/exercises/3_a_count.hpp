// Exercise 16.3: a count that sees it.
//
// A text goes through three tasks, and somebody counts its letters. It is right, and quick enough
// that no clock would show anything. The check counts allocations. There need be none: frames are
// recycled, and the text is there already.
#pragma once

#include <rondo/runtime.hpp>

#include <string>

namespace tour {

inline rondo::task<std::size_t> letters_of(std::string text) { co_return text.size(); }

inline rondo::task<std::size_t> trimmed(std::string text) {
  co_return co_await letters_of(text.substr(text.find_first_not_of(' ')));
}

inline rondo::task<std::size_t> count_letters(const std::string& text) {
  co_return co_await trimmed(text);
}

}  // namespace tour
