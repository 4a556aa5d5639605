// What the programs of README.md and docs/*.md take for granted. Pages quote the parts between
// their marks; the tests below them run what runs here.
#pragma once

#include <rondo/http.hpp>
#include <rondo/net.hpp>
#include <rondo/patterns.hpp>
#include <rondo/runtime.hpp>
#include <rondo/testing.hpp>

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace guide {

// Stand for what the reader's program does with a value.
template <class... X>
void use(X&&...) {}
template <class... X>
void log(const X&...) {}

struct reply {
  int status = 200;
};
struct row {};

inline rondo::task<> work() { co_await rondo::sleep_for(std::chrono::milliseconds(1)); }

inline std::string read_file(const std::string& path) { return "the text of " + path; }

// Runs main in the simulation, and sees that nothing is left.
template <class Main>
void simulated(Main main) {
  rondo::test::run_cleanly(rondo::run_options().reactor(rondo::reactor_kind::simulated),
                           std::move(main));
}

}  // namespace guide

using namespace rondo;
using namespace std::chrono_literals;
