// A process of the simulation: a coroutine that plays a program. Internal.
#pragma once

#include <rondo/net/process/child.hpp>
#include <rondo/net/simulated_program.hpp>

#include <memory>
#include <string>

namespace rondo::net::detail {

// The program that plays `name`; nullptr: none.
std::shared_ptr<simulated_program> find_simulated_program(const std::string& name);

// Starts it. Throws std::bad_alloc.
std::shared_ptr<child> start_simulated(std::shared_ptr<simulated_program> program,
                                       simulated_process self, const process_options& options);

}  // namespace rondo::net::detail
