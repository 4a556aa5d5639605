// The former place of <rondo/runtime/simulation.hpp>.
#pragma once
#include <rondo/runtime/simulation.hpp>
