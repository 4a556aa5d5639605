#include "harness.hpp"

#include "../allocations.hpp"

#include <rondo/runtime/core/frame_pool.hpp>
#include <rondo/runtime/run.hpp>

#include <time.h>

#include <cstdlib>
#include <system_error>

namespace rondo::bench {

namespace {

registered& with_fixed_iterations(registered& b) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe)
  if (const char* n = std::getenv("BENCH_ITERATIONS")) b.Iterations(std::strtoll(n, nullptr, 10));
  return b;
}

const char* name_of(reactor_kind kind) {
  return kind == reactor_kind::epoll ? "epoll" : "io_uring";
}

}  // namespace

registered& add(const std::string& name, void (*body)(State&)) {
  return with_fixed_iterations(*benchmark::RegisterBenchmark(name.c_str(), body));
}

registered& add_on(reactor_kind kind, const std::string& name, coroutine_benchmark body) {
  const auto in_loop = [kind, body](State& state) {
    try {
      run(body(state), run_options().reactor(kind));
    } catch (const std::system_error& e) {  // a reactor that cannot be had here
      state.SkipWithError(e.what());
    }
  };
  const std::string full_name = name + "/" + name_of(kind);
  return with_fixed_iterations(*benchmark::RegisterBenchmark(full_name.c_str(), in_loop));
}

void add_on_each_reactor(const std::string& name, coroutine_benchmark body) {
  add_on(reactor_kind::epoll, name, body);
  add_on(reactor_kind::io_uring, name, body);
}

double stopwatch::read() noexcept {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

costs::sums costs::now() noexcept {
  return {allocations().calls, detail::frames_from_heap(), this_loop().stats().system_calls};
}

costs::costs(State& state) noexcept : state_(state), before_(now()) {}

costs::~costs() {
  const sums after = now();
  const auto put = [&](const char* name, std::uint64_t n) {
    state_.counters[name] =
        benchmark::Counter(static_cast<double>(n), benchmark::Counter::kAvgIterations);
  };
  put("allocs", after.allocations - before_.allocations);
  put("frames", after.frames - before_.frames);
  put("syscalls", after.system_calls - before_.system_calls);
}

}  // namespace rondo::bench
