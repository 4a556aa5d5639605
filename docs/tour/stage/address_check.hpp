// For a check that is compiled with the address sanitizer: what it finds is a "not yet" too, and
// its report follows. Included once: the sanitizer has a weak function of this name, which this
// replaces.
#pragma once

#include <unistd.h>

extern "C" void __asan_on_error() {
  constexpr char sentence[] =
      "not yet: memory is used that is not there any more; this is the address sanitizer's "
      "report\n";
  if (write(1, sentence, sizeof sentence - 1) < 0) _exit(2);
}
