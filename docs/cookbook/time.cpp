#include "stage.hpp"

// begin with_a_limit
task<int> slow_answer() {
  co_await sleep_for(1min);
  co_return 42;
}

task<> with_a_limit() {
  try {
    std::printf("%d\n", co_await timeout(2s, slow_answer()));
  } catch (const timed_out&) {
    std::printf("no answer after %.0f s\n", elapsed());
  }
  if (const auto n = co_await try_for(2min, slow_answer()))  // an optional, and no exception
    std::printf("%d after %.0f s\n", *n, elapsed());
}
// end with_a_limit

// begin one_deadline
task<> leg(int n) {
  std::printf("leg %d: %.1f s left\n", n,
              std::chrono::duration<double>(remaining_time().value()).count());
  co_await sleep_for(400ms);
}

task<> one_deadline() {
  const bool arrived = co_await try_for(1s, []() -> task<> {
    for (int n = 1; n <= 5; ++n) co_await leg(n);
  });
  std::printf(arrived ? "arrived\n" : "not in time\n");
}
// end one_deadline

// begin every_second
task<> every_second(int times) {
  auto next = this_loop().now();
  for (int n = 0; n < times; ++n) {
    co_await sleep_until(next += 1s);  // and not sleep_for(1s): the work's time would add up
    std::printf("tick at %.1f s\n", elapsed());
    co_await sleep_for(300ms);  // the work
  }
}
// end every_second

// begin extend_the_deadline
task<> extend_the_deadline() {
  cancel_scope watch;
  watch.set_deadline(this_loop().now() + 1s);
  const auto read_all = [&]() -> task<> {
    for (auto pause : {500ms, 800ms, 900ms, 1500ms}) {
      co_await sleep_for(pause);
      std::printf("something came at %.1f s\n", elapsed());
      watch.set_deadline(this_loop().now() + 1s);  // it may be silent for a second, each time
    }
  };
  const outcome<void> end = co_await watch.run(read_all);
  std::printf(end.is_cancelled() ? "silent for too long, at %.1f s\n" : "all at %.1f s\n",
              elapsed());
}
// end extend_the_deadline

// begin when_it_is_quiet
task<> when_it_is_quiet(queue<std::string>& typed) {
  while (auto text = co_await typed.next()) {
    while (auto newer = co_await try_for(300ms, typed.get())) *text = std::move(*newer);
    std::printf("search for %s at %.1f s\n", text->c_str(), elapsed());
  }
}
// end when_it_is_quiet

namespace {

task<> type_something() {
  co_await with_task_group([](task_group& g) -> task<> {
    auto& typed = g.make<queue<std::string>>(10);
    g.spawn([&typed] { return when_it_is_quiet(typed); });
    for (const char* text : {"r", "ro", "ron"}) {
      co_await typed.put(text);
      co_await sleep_for(100ms);
    }
    co_await sleep_for(1s);
    co_await typed.put("rondo");
    co_await sleep_for(1s);
    g.cancel();
  });
}

const cookbook::recipe r7("with_a_limit", with_a_limit);
const cookbook::recipe r8("one_deadline", one_deadline);
const cookbook::recipe r9("every_second", [] { return every_second(3); });
const cookbook::recipe r10("extend_the_deadline", extend_the_deadline);
const cookbook::recipe r11("when_it_is_quiet", type_something);

}  // namespace
