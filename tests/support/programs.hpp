// Programs that the tests of processes run: those of the system, and in the simulation coroutines
// that play them.
#pragma once

#include <rondo/net.hpp>
#include <rondo/runtime.hpp>

#include <string>
#include <vector>

namespace rondo_test {

// In the simulation makes coroutines play cat, true, false, yes and sleep, and the stubborn
// program. Elsewhere nothing.
void play_programs();

// Says "ready" and then takes no notice of SIGTERM.
std::vector<std::string> stubborn_program();

// No child of this process is left, running or unreaped.
void expect_no_children();

}  // namespace rondo_test
