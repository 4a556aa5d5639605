// The right versions of the fifteen pitfalls, one after the other.
#include "../13_a_world_of_ones_own/simulation.hpp"  // on Rondo: "../stage/on_rondo.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <set>
#include <string>
#include <vector>

namespace {

template <class... T>
void say(int pitfall, const char* form, T... what) {
  std::printf("%2d. ", pitfall);
  std::printf(form, what...);
  std::puts("");
}

// begin right_1
rt::task<> log_out(bool& out) {
  co_await rt::sleep_ms(1);
  out = true;
}

rt::task<> leave(bool& out) { co_await log_out(out); }
// end right_1

// begin right_2
rt::task<> greet_later(std::string& said) {
  const std::string name = "Ada";
  return [](std::string name, std::string& said) -> rt::task<> {
    co_await rt::sleep_ms(1);
    said = "hello " + name;
  }(name, said);
}
// end right_2

// begin right_3
rt::task<> greet(std::string name, std::string& said) {
  co_await rt::sleep_ms(1);
  said = "hello " + name;
}
// end right_3

rt::task<> greet_one(std::string& said) {
  co_await rt::with_group([&](rt::group& g) -> rt::task<> {
    g.spawn(greet("Ada", said));
    co_return;
  });
}

// begin right_4
rt::task<int> twice(int n) {
  co_await rt::sleep_ms(n);
  co_return 2 * n;
}
// end right_4

rt::task<> twice_two(int& n) { n = co_await twice(2); }

// begin right_5
rt::task<> answer(rt::stream s, std::size_t& asked) {
  char text[64];
  std::string question;
  while (!question.ends_with('\n')) {
    const std::size_t n = co_await rt::read_some(s, text, sizeof text);
    if (n == 0) co_return;
    question.append(text, n);
  }
  asked = question.size();
}
// end right_5

rt::task<> ask(std::size_t& asked) {
  auto ends = rt::open_pair();
  co_await rt::with_group([&](rt::group& g) -> rt::task<> {
    g.spawn(answer(std::move(ends.second), asked));
    co_await rt::write_all(ends.first, "who is ");
    co_await rt::sleep_ms(1);
    co_await rt::write_all(ends.first, "it?\n");
  });
}

// begin right_6
struct transaction {
  bool& committed;
  void commit() { committed = true; }  // and a destructor that rolls back, if this was not called
};

rt::task<> save(bool& committed) {
  transaction t{committed};
  co_await rt::sleep_ms(1000);
  t.commit();
}
// end right_6

rt::task<> stopped_saving(bool& committed) {
  co_await rt::with_group([&](rt::group& g) -> rt::task<> {
    g.spawn(save(committed));
    co_await rt::sleep_ms(10);
    g.cancel();
  });
}

// begin right_7
rt::task<> take_both(rt::permits& one, rt::permits& other) {
  const auto first = co_await std::min(&one, &other)->take();
  co_await rt::sleep_ms(1);
  const auto second = co_await std::max(&one, &other)->take();
}
// end right_7

rt::task<> to_and_fro(rt::permits& a, rt::permits& b) {
  co_await rt::with_group([&](rt::group& g) -> rt::task<> {
    g.spawn(take_both(a, b));
    g.spawn(take_both(b, a));
    co_return;
  });
}

// begin right_8
rt::task<> compute(int steps) {
  for (int i = 0; i < steps; ++i) {
    usleep(1'000);             // a piece of the work
    co_await rt::sleep_ms(1);  // and the others have their turn
  }
}
// end right_8

rt::task<> tick(int& turns) {
  for (;; ++turns) co_await rt::sleep_ms(2);
}

rt::task<> compute_and_tick(int& turns) {
  co_await rt::with_group([&](rt::group& g) -> rt::task<> {
    g.spawn(tick(turns));
    co_await compute(20);
    g.cancel();
  });
}

// begin right_9
rt::task<> take_out(rt::permits& lock, int& money, int amount) {
  const auto locked = co_await lock.take();
  if (money < amount) co_return;
  co_await rt::sleep_ms(1);
  money -= amount;
}
// end right_9

rt::task<> two(rt::permits& lock, int& money) {
  co_await rt::with_group([&](rt::group& g) -> rt::task<> {
    for (int i = 0; i < 2; ++i) g.spawn(take_out(lock, money, 80));
    co_return;
  });
}

// begin right_10
rt::task<> fetch_one(rt::task<> (*fetch)(), rt::permits& places) {
  const auto place = co_await places.take();
  co_await fetch();
}

rt::task<> fetch_all(rt::task<> (*fetch)()) {
  rt::permits places(10);
  co_await rt::with_group([&](rt::group& g) -> rt::task<> {
    for (int i = 0; i < 1000; ++i) g.spawn(fetch_one(fetch, places));
    co_return;
  });
}
// end right_10

int fetching = 0, most_fetching = 0;

rt::task<> fetch() {
  most_fetching = std::max(most_fetching, ++fetching);
  co_await rt::sleep_ms(10);
  --fetching;
}

// begin right_11
rt::task<> three_attempts(rt::task<> (*attempt)()) {
  for (int i = 0; i < 3; ++i) try {
      co_return co_await rt::timeout(60, attempt());
    } catch (const rt::timed_out&) {
    }
}

rt::task<> in_100_ms(rt::task<> (*attempt)()) {
  co_await rt::timeout(100, three_attempts(attempt));
}
// end right_11

rt::task<> silent() { co_await rt::sleep_ms(3'600'000); }

rt::task<> limited(int& took) {
  const std::int64_t begun = rt::now_ms();
  try {
    co_await in_100_ms(silent);
  } catch (const rt::timed_out&) {
  }
  took = static_cast<int>(rt::now_ms() - begun);
}

// begin right_12
struct no_page {};
rt::task<> fetch_page(int n, int& pages) try {
  co_await rt::sleep_ms(n);
  if (n == 1) throw no_page();
  ++pages;
} catch (const no_page&) {
  // This one is missing, and the others are not.
}
// end right_12

rt::task<> fetch_three(int& pages) {
  co_await rt::with_group([&](rt::group& g) -> rt::task<> {
    for (const int n : {1, 2, 3}) g.spawn(fetch_page(n, pages));
    co_return;
  });
}

// begin right_13
rt::task<> make(std::vector<int>& all, std::size_t& most) {
  for (int i = 0; i < 100; ++i) {
    while (all.size() >= 10) co_await rt::sleep_ms(1);  // waits until there is room
    all.push_back(i);
    most = std::max(most, all.size());
  }
}
// end right_13

rt::task<> take(std::vector<int>& all) {
  for (int taken = 0; taken < 100;) {
    co_await rt::sleep_ms(100);
    if (!all.empty()) all.erase(all.begin()), ++taken;
  }
}

rt::task<> make_and_take(std::size_t& most) {
  std::vector<int> all;
  co_await rt::with_group([&](rt::group& g) -> rt::task<> {
    g.spawn(take(all));
    co_await make(all, most);
  });
}

// begin right_14
rt::task<> pay(std::set<int>& payments, int number) {
  payments.insert(number);  // a second time it is the same payment
  co_await rt::sleep_ms(200);
}

rt::task<> pay_for_sure(std::set<int>& payments) {
  const int number = 4711;  // of the payment, not of the attempt
  for (int i = 0; i < 2; ++i) try {
      co_return co_await rt::timeout(100, pay(payments, number));
    } catch (const rt::timed_out&) {
    }
}
// end right_14

// begin right_15
rt::task<> tell_all(std::vector<std::string>& guests, std::string& told) {
  const std::vector<std::string> now = guests;  // those who are there now
  for (const std::string& guest : now) {
    co_await rt::sleep_ms(1);
    told += " " + guest;
  }
}
// end right_15

rt::task<> come(std::vector<std::string>& guests) {
  co_await rt::sleep_ms(1);
  for (int i = 0; i < 20; ++i) guests.emplace_back("another one");
}

rt::task<> come_and_tell(std::vector<std::string>& guests, std::string& told) {
  co_await rt::with_group([&](rt::group& g) -> rt::task<> {
    g.spawn(come(guests));
    g.spawn(tell_all(guests, told));
    co_return;
  });
}

}  // namespace

int main() {
  const rt::simulation world;
  bool done = false;
  rt::run(world, leave(done));
  say(1, "logged out: %s", done ? "yes" : "no");
  std::string said;
  rt::run(world, greet_later(said));
  say(2, "%s", said.c_str());
  said.clear();
  rt::run(world, greet_one(said));
  say(3, "%s", said.c_str());
  int n = 0;
  rt::run(world, twice_two(n));
  say(4, "twice 2 is %d", n);
  std::size_t size = 0;
  rt::run(world, ask(size));
  say(5, "a question of 11 bytes, and an answer to %zu", size);
  bool committed = false;
  rt::run(world, stopped_saving(committed));
  say(6, "told to stop, and %s", committed ? "committed" : "not committed");
  rt::permits a(1), b(1);
  rt::run(world, to_and_fro(a, b));
  say(7, "%s had both", "both");
  n = 0;
  rt::run(rt::backend::epoll, compute_and_tick(n));
  say(8, "the other had its turns: %s", n > 2 ? "yes" : "no");
  rt::permits lock(1);
  n = 100;
  rt::run(world, two(lock, n));
  say(9, "two wanted 80 of 100, and %d are left", n);
  rt::run(world, fetch_all(fetch));
  say(10, "%d at once", most_fetching);
  rt::run(world, limited(n));
  say(11, "a limit of 100 ms, and it took %d", n);
  n = 0;
  rt::run(world, fetch_three(n));
  say(12, "one of three failed, and %d pages came", n);
  size = 0;
  rt::run(world, make_and_take(size));
  say(13, "%zu items wait for one who is slow", size);
  std::set<int> payments;
  rt::run(world, pay_for_sure(payments));
  say(14, "paid %zu time", payments.size());
  std::vector<std::string> guests = {"Ada", "Grace"};
  said.clear();
  rt::run(world, come_and_tell(guests, said));
  say(15, "told:%s", said.c_str());
}
