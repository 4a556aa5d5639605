// The fuzz targets' seeds, and a number of mutations of them, the same ones each time.
#include "fuzz/targets.hpp"

#include <rondo/runtime/random.hpp>

#include <gtest/gtest.h>

#include <cstdlib>

namespace {

using rondo::detail::random_source;

std::size_t pick(random_source& from, std::size_t n) {
  return static_cast<std::size_t>(from.between(0, static_cast<std::int64_t>(n) - 1));
}

// One small change: a byte changed, dropped, doubled or put in; a piece of another seed put in.
void mutate(std::string& s, const std::vector<std::string>& seeds, random_source& from) {
  static constexpr std::string_view telling("\r\n\0 \t:;,=/\\#?@[]%\"0f\xff\x80", 23);
  const std::size_t at = pick(from, s.size() + 1);
  const bool inside = at < s.size();
  switch (from.between(0, 5)) {
    case 0:
      if (inside) s[at] = static_cast<char>(from.between(0, 255));
      break;
    case 1:
      if (inside) s.erase(at, 1);
      break;
    case 2: s.insert(at, 1, telling[pick(from, telling.size())]); break;
    case 3:
      if (inside) s.insert(at, s.substr(at, pick(from, 8) + 1));
      break;
    case 4: s.resize(at); break;
    default: {
      const std::string& other = seeds[pick(from, seeds.size())];
      s.insert(at, other.substr(pick(from, other.size() + 1), 16));
    }
  }
}

}  // namespace

TEST(Fuzz, SeedsAndTheirMutationsKeepEveryPromise) {
  const int rounds = std::getenv("RONDO_TEST_LONG") ? 300'000 : 3'000;
  for (const auto& t : rondo_test::fuzz::targets()) {
    random_source from(1);
    t.run("");
    for (const std::string& seed : t.seeds) t.run(seed);
    for (int i = 0; i < rounds; ++i) {
      std::string s = t.seeds[pick(from, t.seeds.size())];
      for (auto n = from.between(1, 4); n > 0; --n) mutate(s, t.seeds, from);
      t.run(s);
    }
    std::printf("  %s: %zu seeds, %d mutations\n", t.name, t.seeds.size(), rounds);
  }
}
