#include "stage.hpp"

#include <rondo/runtime/submit.hpp>

#include <csignal>
#include <future>
#include <thread>

// begin blocking_work
unsigned long long fibonacci(int n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

task<> blocking_work() {
  const auto [a, b] = co_await gather(to_thread(fibonacci, 20), to_thread(fibonacci, 21));
  std::printf("%llu\n", a + b);
}
// end blocking_work

// begin from_a_thread
task<> from_a_thread() {
  thread_channel<int> readings(4);  // both sides may be any thread's
  std::thread sensor([&readings] {
    run([&]() -> task<> {  // a loop of its own; without one there is try_put
      for (int n = 1; n <= 3; ++n) co_await readings.put(n * n);
      readings.close();
    });
  });
  while (const auto n = co_await readings.next()) std::printf("%d\n", *n);
  sensor.join();
}
// end from_a_thread

// begin from_a_callback
void old_api(void (*done)(void* user, int result), void* user) {
  std::thread([=] { done(user, 42); }).detach();
}

task<int> with_a_callback() {
  struct call {
    loop_remote home;
    promise<int> result;
  };
  auto [given, taken] = make_promise<int>();
  old_api(
      [](void* user, int n) {  // on whatever thread
        auto* c = static_cast<call*>(user);
        c->home.post([c, n] { std::unique_ptr<call>(c)->result.set_value(n); });
      },
      new call{this_loop().remote(), std::move(given)});
  co_return co_await std::move(taken);
}
// end from_a_callback

// begin ask_the_loop
task<int> answer_of(int n) {
  co_await sleep_for(1ms);
  co_return n * 2;
}

task<> ask_the_loop() {
  const loop_remote loop = this_loop().remote();
  const int n = co_await to_thread([loop] {       // a thread that knows nothing of coroutines
    return loop.submit(answer_of, 21).get() + 1;  // a std::future
  });
  std::printf("%d\n", n);
}
// end ask_the_loop

// begin a_loop_a_core
void a_loop_a_core() {
  std::atomic<int> sum = 0;
  run_on_threads(4, [&sum](std::size_t n) -> task<> {
    co_await sleep_for(1ms);  // on a loop of its own, in a thread of its own
    sum += static_cast<int>(n);
  });
  std::printf("0 + 1 + 2 + 3 = %d\n", sum.load());
}
// end a_loop_a_core

// begin reload_on_hangup
task<> reload_on_hangup() {
  signal_watch signals({SIGHUP, SIGTERM});
  for (;;) {
    const int s = co_await signals.next();  // an ordinary await: anything may be done here
    if (s == SIGTERM) break;
    std::printf("reading the configuration again\n");
  }
  std::printf("asked to end\n");
}
// end reload_on_hangup

// begin finish_what_runs
task<> finish_what_runs() {
  signal_watch signals({SIGINT});  // instead of run's own: Ctrl-C cancels nothing now
  int begun = 0;
  int finished = 0;
  const auto job = [&]() -> task<> {
    ++begun;
    co_await sleep_for(20ms);
    ++finished;
  };
  co_await with_task_group([&](task_group& g) -> task<> {
    while (!co_await try_for(5ms, signals.next())) {
      g.spawn(job);
      if (begun == 2) std::raise(SIGINT);  // somebody presses Ctrl-C
    }
  });  // begins nothing any more, and waits for what runs
  std::printf("%d begun, %d finished\n", begun, finished);
}
// end finish_what_runs

namespace {

task<> callback_shown() { std::printf("%d\n", co_await with_a_callback()); }

task<> hang_up() {
  co_await with_task_group([](task_group& g) -> task<> {
    g.spawn(reload_on_hangup());
    for (int s : {SIGHUP, SIGTERM}) {
      co_await wait_until_idle();
      std::raise(s);
      co_await sleep_for(5ms);
    }
  });
}

const cookbook::recipe r30("blocking_work", blocking_work, cookbook::place::system);
const cookbook::recipe r31("from_a_thread", from_a_thread, cookbook::place::system);
const cookbook::recipe r32("from_a_callback", callback_shown, cookbook::place::system);
const cookbook::recipe r33("ask_the_loop", ask_the_loop, cookbook::place::system);
const cookbook::recipe r34("a_loop_a_core", a_loop_a_core);
const cookbook::recipe r35("reload_on_hangup", hang_up, cookbook::place::system);
const cookbook::recipe r36("finish_what_runs", finish_what_runs, cookbook::place::system);

}  // namespace
