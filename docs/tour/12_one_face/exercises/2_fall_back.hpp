// Exercise 12.2: fall back.
//
// Chooses a back end. Each can be had, or says why not. If none was asked for by name, the first
// that can be had is taken; when that is not the first of all, `note` says what was not to be had,
// and why. One that was asked for by name is had, or it is an error: who wants io_uring to measure
// it does not want to measure epoll. This one always takes the first.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

namespace tour {

struct candidate {
  std::string name;
  std::string why_not;  // empty: it can be had
};

struct choice {
  std::string name;
  std::string note;  // empty, or a sentence for the user: "no io_uring: forbidden here"
};

// `wanted`: a name, or "" for any. Throws std::runtime_error with the reason, also for a name that
// nobody has.
inline choice choose(const std::vector<candidate>& all, const std::string& wanted) {
  (void)wanted;
  return {all.front().name, ""};
}

}  // namespace tour
