// Many sleeping tasks in one process: what they cost in time, CPU and memory.
//
// usage: bench_sleepers TASKS MILLISECONDS
#include "../allocations.hpp"

#include <rondo/runtime/run.hpp>
#include <rondo/runtime/sleep.hpp>
#include <rondo/runtime/task_group.hpp>

#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace {

using namespace rondo;
using clock_type = std::chrono::steady_clock;

struct memory {
  std::uint64_t requested = 0;  // bytes asked of operator new
  long peak_kib = 0;            // resident

  static memory now() {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    return {bench::allocations().bytes, used.ru_maxrss};
  }
};

task<> sleep_once(std::chrono::milliseconds d) { co_await sleep_for(d); }

task<> spawn_all(task_group& group, long tasks, std::chrono::milliseconds d) {
  for (long i = 0; i < tasks; ++i) group.spawn(sleep_once(d));
  co_return;
}

task<> sleep_together(long tasks, std::chrono::milliseconds d) {
  const memory before = memory::now();
  const auto begin = clock_type::now();
  co_await with_task_group([&](task_group& group) { return spawn_all(group, tasks, d); });
  const std::chrono::duration<double> wall = clock_type::now() - begin;
  const memory after = memory::now();
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto each = [&](auto n) { return static_cast<double>(n) / static_cast<double>(tasks); };
  std::printf(
      "{\"wall_s\": %.6f, \"cpu_s\": %.6f, \"requested_bytes_a_task\": %.1f, "
      "\"resident_bytes_a_task\": "
      "%.1f, \"system_calls\": %llu}\n",
      wall.count(),
      static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
          static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6,
      each(after.requested - before.requested), each((after.peak_kib - before.peak_kib) * 1024),
      static_cast<unsigned long long>(this_loop().stats().system_calls));
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) {
    std::fprintf(stderr, "usage: bench_sleepers TASKS MILLISECONDS\n");
    return 2;
  }
  const long tasks = std::strtol(arguments[1], nullptr, 10);
  const std::chrono::milliseconds time(std::strtol(arguments[2], nullptr, 10));
  run(sleep_together(tasks, time));
}
