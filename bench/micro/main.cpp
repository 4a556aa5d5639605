#include "harness.hpp"

int main(int argc, char** argv) {
  using namespace rondo::bench;
  add_await();
  add_yield();
  add_spawn();
  add_queue();
  add_event();
  add_bridges();
  add_threads();
  add_lock();
  add_gather();
  add_policy();
  add_timeout();
  add_timers();
  add_sleep();
  add_cancel();
  add_inspect();
  add_http();
  add_circuit_breaker();
  add_compose();
  add_limits();

  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
