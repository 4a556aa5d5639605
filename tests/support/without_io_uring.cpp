// Runs a program to which io_uring is forbidden.
//
// usage: without_io_uring PROGRAM [ARGUMENT]...
#include "support/seccomp.hpp"

#include <unistd.h>

#include <cstdio>

int main(int count, char** arguments) {
  if (count < 2) {
    std::fprintf(stderr, "usage: without_io_uring PROGRAM [ARGUMENT]...\n");
    return 2;
  }
  if (!rondo_test::forbid_io_uring()) {
    std::perror("seccomp");
    return 77;  // meson: skipped
  }
  ::execv(arguments[1], arguments + 1);
  std::perror(arguments[1]);
  return 1;
}
