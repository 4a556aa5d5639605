// Twenty connections, and then so many that the queue is full on the way.
// Options: -fsanitize=address -g1
#include "../../stage/address_check.hpp"
#include "../../stage/check.hpp"
#include "../../stage/pair.hpp"

#include EXERCISE

namespace {

void send_to(std::size_t n, long most) {
  tour::ring r;
  std::vector<tour::connected_pair> pairs;
  std::vector<int> fds;
  for (std::size_t i = 0; i < n; ++i) fds.push_back(pairs.emplace_back(0).here.get());
  tour::send_to_all(r, fds, "hello");
  for (const tour::connected_pair& p : pairs) {
    char text[8];
    const ssize_t got = recv(p.there.get(), text, sizeof text, MSG_DONTWAIT);
    tour::check(got == 5 && std::memcmp(text, "hello", 5) == 0,
                "it has returned, and somebody has not got \"hello\"");
  }
  tour::check(r.enters() <= most, "for %zu connections the kernel was called %ld times", n,
              r.enters());
}

}  // namespace

int main() {
  send_to(20, 2);
  send_to(200, 8);
  send_to(0, 0);
  std::puts("everything is written down, and then handed over at once");
}
