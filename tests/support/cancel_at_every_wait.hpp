// <rondo/testing/cancel_at_every_wait.hpp> in a test of GoogleTest: `make` and `check` as there,
// and an expectation that fails ends it, with the wait at which it was cancelled.
//
//   int made = 0, taken = 0;
//   const auto n = cancel_at_every_wait(
//       reactor_kind::simulated, [&] { made = taken = 0; return scenario(made, taken); },
//       [&] { EXPECT_EQ(made, taken); });
//   EXPECT_EQ(n.at_rest, 4U);   // exact where the scenario is deterministic
#pragma once

#include "support/run_on.hpp"

#include <rondo/runtime.hpp>
#include <rondo/testing/cancel_at_every_wait.hpp>

#include <gtest/gtest.h>

#include <utility>

namespace rondo_test {

using rondo::test::cancel_moment;
using rondo::test::name_of;
using rondo::test::waits_cancelled;

template <class Make, class Check>
waits_cancelled cancel_at_every_wait(const rondo::run_options& options, Make make, Check check) {
  try {
    return rondo::test::cancel_at_every_wait(options, std::move(make), [&](auto& result) {
      rondo::test::detail::judge(result, check);
      if (testing::Test::HasFailure()) throw rondo::test::failure("an expectation failed");
    });
  } catch (const rondo::test::failure& f) {
    ADD_FAILURE() << f.what();
    return {};
  }
}
template <class Make, class Check>
waits_cancelled cancel_at_every_wait(rondo::reactor_kind kind, Make make, Check check) {
  return cancel_at_every_wait(options_for(kind), std::move(make), std::move(check));
}
template <class Make>
waits_cancelled cancel_at_every_wait(rondo::reactor_kind kind, Make make) {
  return cancel_at_every_wait(options_for(kind), std::move(make), [] {});
}

}  // namespace rondo_test
