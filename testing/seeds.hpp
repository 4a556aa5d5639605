// seeds: a scenario, run with one seed after the other; a failure says how to run that seed again.
//
//   test::seeds(0, 200, [](std::uint64_t seed) -> task<> { co_await transfer(seed % 7); });
//
//   upload_test: seed 17: bytes were lost (again: RONDO_TEST_SEED=17 ./upload_test --fast)
//
// With RONDO_TEST_SEED=n in the environment that seed alone is run, whatever the bounds are.
#pragma once

#include <rondo/runtime/run.hpp>
#include <rondo/testing/parts/seed_runner.hpp>
#include <rondo/testing/run_cleanly.hpp>

#include <cstdint>
#include <type_traits>

namespace rondo::test {

// Runs scenario(from), scenario(from + 1), …, scenario(to - 1). A scenario that gives a task is run
// by run_cleanly() in a simulation with the seed; any other makes its runs itself, with
// run_options().simulation(world.seed(seed)) or as it likes, and fails by an exception.
//
// Throws a failure that quotes the first exception of a std::exception's kind, names the seed and
// the command; a crash says the same on stderr. Throws std::invalid_argument when RONDO_TEST_SEED
// is no number. Not inside a running loop.
template <class Scenario>
  requires std::is_invocable_v<Scenario&, std::uint64_t>
void seeds(std::uint64_t from, std::uint64_t to, Scenario scenario) {
  const auto once = [&](std::uint64_t seed) {
    if constexpr (rondo::detail::async_callable<Scenario&, std::uint64_t>)
      run_cleanly(
          run_options().reactor(reactor_kind::simulated).seed(seed),
          [&](std::uint64_t n) { return scenario(n); }, seed);
    else
      scenario(seed);
  };
  detail::run_seeds(from, to, once);
}

}  // namespace rondo::test
