// Exercise 12.2: fall back. To fall back in silence is to hide why a program is slow; to fall back
// from what was asked for by name is to do something else than was asked.
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
  std::string note;
  for (const candidate& c : all) {
    if (!wanted.empty() && c.name != wanted) continue;
    if (c.why_not.empty()) return {c.name, note};
    note += (note.empty() ? "no " : "; no ") + c.name + ": " + c.why_not;
  }
  throw std::runtime_error(note.empty() ? "there is no " + wanted : note);
}

}  // namespace tour
