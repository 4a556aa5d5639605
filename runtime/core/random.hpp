// A small seeded generator (xoshiro256**, Blackman and Vigna 2018, seeded by splitmix64): the same
// seed gives the same numbers on every machine. Not for secrets.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace rondo::detail {

class random_source {
 public:
  explicit random_source(std::uint64_t seed) noexcept {
    for (std::uint64_t& word : state_) {
      seed += 0x9e3779b97f4a7c15U;
      std::uint64_t z = seed;
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
      z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
      word = z ^ (z >> 31);
    }
  }

  std::uint64_t next() noexcept {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }
  // Uniform in [0, 1).
  double unit() noexcept { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  // Uniform in [low, high].
  std::int64_t between(std::int64_t low, std::int64_t high) noexcept {
    const std::uint64_t span =
        static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low) + 1;
    if (span == 0) return static_cast<std::int64_t>(next());
    // Lemire's multiplication; the bias (span / 2^64) is below what anything here could see.
    const auto wide = static_cast<unsigned __int128>(next()) * span;
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) +
                                     static_cast<std::uint64_t>(wide >> 64));
  }
  bool chance(double probability) noexcept { return probability > 0 && unit() < probability; }

 private:
  std::array<std::uint64_t, 4> state_{};
};

}  // namespace rondo::detail
