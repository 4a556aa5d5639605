// Cases written once and run on every reactor.
//
//   CONFORMANCE(Sleep, NeverEndsEarly) {  // the body is a coroutine, the main task of a run
//     const auto before = std::chrono::steady_clock::now();
//     co_await sleep_for(2ms);
//     …
//   }
//   CONFORMANCE_RUNS(Run, ReturnsTheValue) {       // a plain function, which makes the runs itself
//     EXPECT_EQ(run_on(reactor, []() -> task<int> { co_return 1; }), 1);
//   }
//
// Each becomes three tests, Sleep.NeverEndsEarly/epoll, …/io_uring and …/simulated; `reactor` is
// the rondo::reactor_kind in both forms. A reactor that the machine does not have skips its tests
// with the reason. At the end the program says how many cases ran on each; where nothing was
// filtered out or skipped, the numbers must be equal. ASSERT_… returns, so in a coroutine use
// EXPECT_… .
//
// ON_KERNEL_REACTORS(suite, name) is the second form for what the simulation cannot do (real
// descriptors): two tests, epoll and io_uring, which are not counted.
//
// EVERY_VERSION and EVERY_VERSION_RUNS are the two forms for what HTTP means whatever its version:
// the same three tests again over HTTP/2, Exchange.…/http2/epoll and so on, where the build has it.
// A case that is about one version alone is a CONFORMANCE, named in tests/http/one_version.txt.
#pragma once

#include "support/run_on.hpp"

#include <rondo/runtime.hpp>

#include <gtest/gtest.h>

namespace rondo_test {

enum class reactors { all, kernel };
enum class versions { one, both };

bool add_case(reactors which, versions spoken, const char* suite, const char* name,
              const char* file, int line, rondo::task<> (*body)(rondo::reactor_kind));
bool add_case(reactors which, versions spoken, const char* suite, const char* name,
              const char* file, int line, void (*body)(rondo::reactor_kind));

// Whether the case that runs is one of both versions, and runs over HTTP/2.
bool speaks_http2() noexcept;

}  // namespace rondo_test

#define RONDO_TEST_CASE(which, spoken, result, suite, name)                                   \
  static result case_##suite##_##name(rondo::reactor_kind);                                   \
  [[maybe_unused]] static const bool case_##suite##_##name##_added =                          \
      rondo_test::add_case(rondo_test::reactors::which, rondo_test::versions::spoken, #suite, \
                           #name, __FILE__, __LINE__, &case_##suite##_##name);                \
  static result case_##suite##_##name([[maybe_unused]] rondo::reactor_kind reactor)

#define CONFORMANCE(suite, name) RONDO_TEST_CASE(all, one, rondo::task<>, suite, name)
#define CONFORMANCE_RUNS(suite, name) RONDO_TEST_CASE(all, one, void, suite, name)
#define EVERY_VERSION(suite, name) RONDO_TEST_CASE(all, both, rondo::task<>, suite, name)
#define EVERY_VERSION_RUNS(suite, name) RONDO_TEST_CASE(all, both, void, suite, name)
#define ON_KERNEL_REACTORS(suite, name) RONDO_TEST_CASE(kernel, one, void, suite, name)
