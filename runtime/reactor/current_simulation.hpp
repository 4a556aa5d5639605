// What the library asks when it does something else in the simulation than on a real reactor.
#pragma once

namespace rondo {
struct simulation_options;
}

namespace rondo::detail {

// The options of the simulation that the calling thread runs in; nullptr on a real reactor.
const simulation_options* current_simulation() noexcept;

}  // namespace rondo::detail
