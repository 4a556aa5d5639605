// Wrong: exits with 1 and says "the server is dead, and 100 of 100 calls reached it".
//
// To make the breaker where the call is made. It counts to one, and goes.
#include "policies.hpp"

#include <cstdio>

// begin wrong
struct dead_server {
  int reached = 0;
  bool answer() {
    ++reached;
    return false;
  }
};

bool call(dead_server& s, std::int64_t now) {
  tour::breaker breaker;
  if (!breaker.may_call(now)) return false;
  const bool ok = s.answer();
  breaker.told(ok, now);
  return ok;
}
// end wrong

int main() {
  dead_server s;
  for (int i = 0; i < 100; ++i) call(s, i);
  std::printf("the server is dead, and %d of 100 calls reached it\n", s.reached);
  return s.reached < 10 ? 0 : 1;
}
