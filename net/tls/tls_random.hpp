// OpenSSL's randomness in the simulation. Internal.
#pragma once

namespace rondo::net::detail {

// On a thread that runs a simulation: from now on, OpenSSL draws what it needs there from the
// simulation's seed, so that the same seed gives the same handshakes. Every other thread of the
// process, and this one outside of the simulation, goes on with OpenSSL's own generator. On a real
// reactor: nothing.
//
// What stays OpenSSL's own: what it draws before (the keys for tickets, when a context is made
// outside of the simulation), and the age of sessions, which it counts by the system's clock.
// Neither shows in sizes or in the order of what happens.
void use_simulated_randomness();

}  // namespace rondo::net::detail
