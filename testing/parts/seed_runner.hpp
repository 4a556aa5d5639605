// seed_runner: the seeds, one after the other, and the sentence about the one that fails.
#pragma once

#include <rondo/testing/parts/call.hpp>

#include <cstdint>

namespace rondo::test::detail {

void run_seeds(std::uint64_t from, std::uint64_t to, call<std::uint64_t> once);

}  // namespace rondo::test::detail
