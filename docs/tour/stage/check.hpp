// How the programs of the tour say that something is not as it should be, and end.
//
//   check(bytes == 1000, "the page has %d bytes, and should have 1000", bytes);
#pragma once

#include <cstdarg>
#include <cstdio>
#include <cstdlib>

namespace tour {

[[noreturn, gnu::format(printf, 2, 0)]] inline void say_and_end(const char* verdict,
                                                                const char* sentence, va_list of) {
  std::fputs(verdict, stdout);
  std::vprintf(sentence, of);
  std::puts("");
  std::fflush(stdout);
  std::_Exit(1);
}

// Of an exercise: what its solution must do.
[[gnu::format(printf, 2, 3)]] inline void check(bool holds, const char* sentence, ...) {
  if (holds) return;
  va_list of;
  va_start(of, sentence);
  say_and_end("not yet: ", sentence, of);
}

// Of a chapter's own program: what it has promised about itself, such as the bounds of a count.
[[gnu::format(printf, 2, 3)]] inline void expect(bool holds, const char* sentence, ...) {
  if (holds) return;
  va_list of;
  va_start(of, sentence);
  say_and_end("not so: ", sentence, of);
}

}  // namespace tour
