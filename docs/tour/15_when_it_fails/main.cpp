// Twenty seconds with a server that does nothing for three of them, and callers who cope with that
// in four ways.
#include "../13_a_world_of_ones_own/simulation.hpp"  // on Rondo: "../stage/on_rondo.hpp"

#include "policies.hpp"

#include <algorithm>
#include <cstdio>
#include <string>

constexpr int seconds = 20, calls_a_second = 50;

struct counts {
  int load[seconds + 10] = {}, answered[seconds + 10] = {}, all = 0;
};

// begin server
// Answers in 10 ms, one after the other, and not from second 5 to 8. It does not see that somebody
// has given up, and works for him as well.
class server {
 public:
  explicit server(counts& c) : counts_(c) {}

  std::int64_t now() const { return rt::now_ms() - begun_; }
  rt::task<> answer() {
    ++counts_.load[now() / 1000];
    std::int64_t begins = std::max(now(), free_at_);
    if (begins >= 5000 && begins < 8000) begins = 8000;
    free_at_ = begins + 10;
    co_await rt::sleep_ms(static_cast<int>(free_at_ - now()));
  }

 private:
  counts& counts_;
  std::int64_t begun_ = rt::now_ms();
  std::int64_t free_at_ = 0;
};
// end server

// begin call
rt::task<> call(server& s, tour::policy& p, counts& c) {
  for (int attempt = 1; attempt <= 4 && p.may_call(s.now()); ++attempt) {
    bool ok = true;
    try {
      co_await rt::timeout(305, s.answer());
    } catch (const rt::timed_out&) {
      ok = false;
    }
    p.told(ok, s.now());
    if (ok) ++c.answered[s.now() / 1000], ++c.all;
    if (ok || !p.may_retry()) co_return;
    co_await rt::sleep_ms(50);
  }
}

rt::task<> calls(tour::policy& p, counts& c) {
  server s(c);
  co_await rt::with_group([&](rt::group& g) -> rt::task<> {
    for (int i = 0; i < seconds * calls_a_second; ++i) {
      g.spawn(call(s, p, c));
      co_await rt::sleep_ms(1000 / calls_a_second);
    }
  });
}
// end call

// Ten a second are a letter: a for up to 10, b for up to 20, and so on.
std::string letters(const int* each) {
  std::string text;
  for (int i = 0; i < seconds; ++i) {
    const int tens = std::min((each[i] + 9) / 10, 26);
    text += tens == 0 ? '.' : static_cast<char>('a' + tens - 1);
  }
  return text;
}

void show(const char* name, tour::policy&& p) {
  counts c;
  rt::run(rt::simulation(), calls(p, c));
  std::printf("%-8s asked    %s\n         answered %s  %d of %d\n", name, letters(c.load).c_str(),
              letters(c.answered).c_str(), c.all, seconds * calls_a_second);
}

int main() {
  std::printf("                  01234567890123456789\n");
  show("nothing", tour::policy());
  show("retry", tour::retry());
  show("budget", tour::budget());
  show("breaker", tour::breaker());
}
