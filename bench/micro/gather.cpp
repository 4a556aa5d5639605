// Running tasks together: gather of 10,000 that are ready at once, and of two; a race of two.
#include "harness.hpp"

#include <rondo/patterns/gather.hpp>

#include <vector>

namespace rondo::bench {
namespace {

constexpr int many = 10'000;

[[gnu::noinline]] task<int> ready_child() { co_return 1; }

task<> gather_many(State& state) {
  while (state.KeepRunningBatch(many)) {
    std::vector<task<int>> work;
    work.reserve(many);
    for (int i = 0; i < many; ++i) work.push_back(ready_child());
    benchmark::DoNotOptimize(co_await gather(std::move(work)));
  }
}

task<> gather_two(State& state) {
  const costs counted(state);
  for (auto _ : state) benchmark::DoNotOptimize(co_await gather(ready_child(), ready_child()));
}

}  // namespace

void add_gather() {
  add_on_each_reactor("gather_10000", gather_many);
  add_on_each_reactor("gather_2", gather_two);
}

}  // namespace rondo::bench
