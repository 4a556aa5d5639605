// libFuzzer's way into the target that the build names; it begins from nothing when it is given no corpus.
#include "fuzz/targets.hpp"

#include <cstring>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const rondo_test::fuzz::target& chosen = [&]() -> const rondo_test::fuzz::target& {
    for (const rondo_test::fuzz::target& t : rondo_test::fuzz::targets())
      if (std::strcmp(t.name, RONDO_FUZZ_TARGET) == 0) return t;
    std::abort();
  }();
  static const bool seeded = [] {
    for (const std::string& s : chosen.seeds) chosen.run(s);
    return true;
  }();
  static_cast<void>(seeded);
  chosen.run({reinterpret_cast<const char*>(data), size});
  return 0;
}
