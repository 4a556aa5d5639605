// Many seeds: nothing comes too early or too late, nothing overtakes, and the times differ.
#include "../../stage/check.hpp"

#include EXERCISE

#include <set>

int main() {
  std::set<std::int64_t> times;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    tour::wire alone(seed, 10, 20);
    alone.send(100, "x");
    tour::check(alone.arrived(109).empty(), "seed %d: it was under way for less than 10",
                static_cast<int>(seed));
    std::int64_t now = 110;
    while (now < 120 && alone.arrived(now).empty()) ++now;
    times.insert(now);
    tour::check(now < 120 || alone.arrived(120) == "x",
                "seed %d: it was under way for more than 20", static_cast<int>(seed));

    tour::wire w(seed, 10, 20), again(seed, 10, 20);
    std::string sent, came, came_again;
    for (int i = 0; i < 26; ++i) {
      const std::string letter(1, static_cast<char>('a' + i));
      sent += letter;
      w.send(3 * i, letter);
      again.send(3 * i, letter);
      came += w.arrived(3 * i);
      came_again += again.arrived(3 * i);
      tour::check(came == came_again, "seed %d: a second run was another one",
                  static_cast<int>(seed));
    }
    came += w.arrived(75 + 20);
    tour::check(came.size() == 26, "seed %d: after 20 of the last one, not all have come",
                static_cast<int>(seed));
    tour::check(came == sent, "seed %d: \"%s\" was sent, and \"%s\" came", static_cast<int>(seed),
                sent.c_str(), came.c_str());
  }
  tour::check(times.size() > 5, "each piece is under way for the same time");
  std::puts("each takes its time, and nobody overtakes");
}
