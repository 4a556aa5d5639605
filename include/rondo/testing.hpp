// Rondo's tools for tests of programs that use it, free of any test framework. In no other
// umbrella: a test includes it, a program does not.
//
// The names are in rondo::test, so that `using namespace rondo` leaves GoogleTest its `testing`.
#pragma once

#include <rondo/runtime/idle.hpp>
#include <rondo/runtime/simulated_world.hpp>
#include <rondo/runtime/simulation.hpp>
#include <rondo/testing/accounts.hpp>
#include <rondo/testing/cancel_at_every_wait.hpp>
#include <rondo/testing/failure.hpp>
#include <rondo/testing/run_cleanly.hpp>
#include <rondo/testing/script.hpp>
#include <rondo/testing/seeds.hpp>
