// libFuzzer's way into the target that the build names. It needs no corpus: it mutates the target's
// own seeds too.
#include "fuzz/targets.hpp"

#include <algorithm>
#include <cstring>

namespace {

const rondo_test::fuzz::target& chosen() {
  static const rondo_test::fuzz::target& found = []() -> const rondo_test::fuzz::target& {
    for (const rondo_test::fuzz::target& t : rondo_test::fuzz::targets())
      if (std::strcmp(t.name, RONDO_FUZZ_TARGET) == 0) return t;
    std::abort();
  }();
  return found;
}

}  // namespace

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t most, unsigned draw) {
  const std::vector<std::string>& seeds = chosen().seeds;
  if (draw % 8 == 0) {
    const std::string& s = seeds[draw / 8 % seeds.size()];
    size = std::min(s.size(), most);
    std::memcpy(data, s.data(), size);
  }
  return LLVMFuzzerMutate(data, size, most);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  chosen().run({reinterpret_cast<const char*>(data), size});
  return 0;
}
