// What a test may not leave behind: frames and descriptors.
//
// Including this header, directly or through another of this folder, puts every test of the
// executable under watch: one that ends with more or fewer of them than it began with has failed.
#pragma once

#include <rondo/testing/accounts.hpp>

namespace rondo_test {

using resources = rondo::test::accounts;

// Fails the running test, naming what differs from `before`.
void expect_same(const resources& before, const char* when);

bool watch_every_test();
inline const bool every_test_is_watched = watch_every_test();

// True in `scripts/test --long`: more seeds and rounds.
bool long_run();

}  // namespace rondo_test
