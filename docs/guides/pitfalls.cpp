// The right programs of docs/pitfalls.md. The wrong ones stand in the page, and
// scripts/lint/examples sees that each is refused, or compiles, as it says.
#include "stage.hpp"

namespace guide::pitfalls {
namespace {

task<int> answer() { co_return 42; }

// begin pause
task<> pause() { co_await sleep_for(1s); }
// end pause

// begin count
task<> count(mutex& m, int& n) {
  auto guard = co_await m.lock();
  n = n + 1;
}
// end count

// begin later
task<int> later(int n) {
  return [](int n) -> task<int> {
    co_await sleep_for(1s);
    co_return n;
  }(n);
}

task<> spawn_it(task_group& g, std::string name) {
  g.spawn([name]() -> task<> {
    co_await sleep_for(1s);
    use(name);
  });
  co_return;
}
// end later

// begin greet
task<> greet(std::string name) {
  co_await sleep_for(1s);
  use(name);
}

task<> greet_all(task_group& g) {
  g.spawn(greet("Ada"));
  g.spawn([](const std::string& name) -> task<> { co_await greet(name); }, std::string("Grace"));
  co_return;
}
// end greet

// begin twice
task<int> twice(int n) {
  co_await sleep_for(n * 1ms);
  co_return n * 2;
}
// end twice

// begin producer
task<> produce(queue<int>& q);

task<> run_producer() {
  co_await with_task_group([](task_group& g) -> task<> {
    auto& q = g.make<queue<int>>(10);
    g.spawn(produce, std::ref(q));
    co_await q.next();
  });
}
// end producer

task<> produce(queue<int>& q) { co_await q.put(1); }

// begin hold
task<> save(mutex& m);

task<> hold(mutex& m) {
  co_await with_task_group([&](task_group& g) -> task<> {
    g.spawn([&]() -> task<> { co_await finally(sleep_for(1h), [&] { return save(m); }); });
    co_await timeout(2h, [&]() -> task<> {
      const auto guard = co_await m.lock();
      co_await sleep_for(1h);
    });
  });
}

task<> save(mutex& m) {
  const auto guard = co_await m.lock();
  use(1);
}
// end hold

// begin tolerant
task<> tolerant() {
  auto [a, b] = co_await gather(return_exceptions, answer(), answer());
  if (a.has_value()) use(a.value());
}
// end tolerant

int commits = 0;

// begin transaction
struct transaction {
  ~transaction() {
    if (std::uncaught_exceptions() == 0 && !is_unwinding()) commit();
  }
  void commit();
};
// end transaction

void transaction::commit() { ++commits; }

// begin boxed
task<std::unique_ptr<int>> boxed() {
  const int n = co_await answer();
  co_return std::make_unique<int>(n);
}
// end boxed

// begin aligned
struct alignas(256) aligned_table {
  std::array<float, 64> values{};
};

task<> compute() {
  const auto table = std::make_unique<aligned_table>();
  co_await yield_now();
  use(table->values);
}
// end aligned

TEST(Pitfalls, TheRightProgramsRun) {
  simulated([]() -> task<> {
    mutex m;
    int n = 0;
    co_await gather(pause(), count(m, n), tolerant(), compute(), run_producer());
    EXPECT_EQ(n, 1);
    EXPECT_EQ(co_await later(7), 7);
    EXPECT_EQ(co_await twice(7), 14);
    EXPECT_EQ(*co_await boxed(), 42);
    co_await with_task_group([](task_group& g) -> task<> {
      co_await spawn_it(g, "Ada");
      co_await greet_all(g);
    });
  });
}

TEST(Pitfalls, ALockInAScopeInsideTheBodyIsGivenBack) {
  simulated([]() -> task<> {
    mutex m;
    EXPECT_FALSE(co_await try_for(30min, hold(m)));  // and does not wait for ever
  });
}

TEST(Pitfalls, ATransactionOfACancelledTaskIsNotCommitted) {
  simulated([]() -> task<> {
    const auto change = [](std::chrono::seconds takes) -> task<> {
      const transaction t;
      co_await sleep_for(takes);
    };
    commits = 0;
    co_await try_for(1s, change(2s));
    EXPECT_EQ(commits, 0);
    co_await change(1s);
    EXPECT_EQ(commits, 1);
  });
}

}  // namespace
}  // namespace guide::pitfalls
