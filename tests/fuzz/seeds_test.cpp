// The fuzz targets' seeds, and mutations of them: a number that is the same each time, then others
// for a while. RONDO_FUZZ_SEED repeats the others of a run, which printed it.
#include "fuzz/targets.hpp"

#include <rondo/runtime/core/random.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <random>

namespace {

using rondo::detail::random_source;

std::size_t pick(random_source& from, std::size_t n) {
  return static_cast<std::size_t>(from.between(0, static_cast<std::int64_t>(n) - 1));
}

// One small change: a byte changed, dropped, doubled or put in; a piece of another seed put in.
void mutate(std::string& s, const std::vector<std::string>& seeds, random_source& from) {
  static constexpr std::string_view telling("\r\n\0 \t:;,=/\\#?@[]%\"0f\xff\x80", 22);
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

std::string mutated(const std::vector<std::string>& seeds, random_source& from) {
  std::string s = seeds[pick(from, seeds.size())];
  for (auto n = from.between(1, 4); n > 0; --n) mutate(s, seeds, from);
  return s;
}

std::uint64_t seed_of_this_run() {
  if (const char* given = std::getenv("RONDO_FUZZ_SEED")) return std::strtoull(given, nullptr, 10);
  return std::random_device()();
}

}  // namespace

TEST(Fuzz, SeedsAndTheirMutationsKeepEveryPromise) {
  constexpr int rounds = 3'000;
  for (const auto& t : rondo_test::fuzz::targets()) {
    random_source from(1);
    t.run("");
    for (const std::string& seed : t.seeds) t.run(seed);
    for (int i = 0; i < rounds; ++i) t.run(mutated(t.seeds, from));
  }
}

// A promise that is broken ends the program with its input.
TEST(Fuzz, MutationsThatNobodyHasSeenKeepEveryPromise) {
  const auto each = std::getenv("RONDO_TEST_LONG") ? std::chrono::milliseconds(60'000)
                                                   : std::chrono::milliseconds(500);
  const std::uint64_t seed = seed_of_this_run();
  std::printf("  RONDO_FUZZ_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  for (const auto& t : rondo_test::fuzz::targets()) {
    random_source from(seed);
    std::uint64_t rounds = 0;
    const auto until = std::chrono::steady_clock::now() + each;
    for (; std::chrono::steady_clock::now() < until; ++rounds) t.run(mutated(t.seeds, from));
    std::printf("  %s: %llu mutations\n", t.name, static_cast<unsigned long long>(rounds));
  }
}
