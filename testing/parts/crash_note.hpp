// crash_note: what a program was doing, said on stderr when it crashes in the middle of it.
//
//   const crash_note note("cancelled at rest in wait 3");
//
// For SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT, an assertion's. Then the signal takes the course
// that it would have taken.
#pragma once

#include <string>

namespace rondo::test::detail {

// While it is there. A note inside another is said after it. On one thread at a time.
class crash_note {
 public:
  explicit crash_note(std::string doing);
  crash_note(const crash_note&) = delete;
  crash_note& operator=(const crash_note&) = delete;
  ~crash_note();

 private:
  friend void say_notes(const crash_note* last) noexcept;
  std::string doing_;
  const crash_note* outer_;
};

}  // namespace rondo::test::detail
