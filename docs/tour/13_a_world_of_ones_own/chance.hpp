// Chance that can be had again: the same seed, the same numbers (splitmix64, of Steele, Lea and
// Flood).
#pragma once

#include <cstdint>

namespace tour {

// begin chance
class chance {
 public:
  explicit chance(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }
  // Of `least` to `most`, each as likely as the others (nearly).
  std::int64_t between(std::int64_t least, std::int64_t most) {
    return least + static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(most - least + 1));
  }
  bool happens(double how_often) { return static_cast<double>(next() >> 11) * 0x1p-53 < how_often; }

 private:
  std::uint64_t state_;
};
// end chance

}  // namespace tour
