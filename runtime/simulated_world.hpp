// simulated_world: what a simulation's network is like, told from within, and changed while it
// runs.
//
//   run(run_options().simulation(simulation_options().seed(7)), []() -> task<> {
//     simulated_world& world = this_simulation();
//     world.host("example.org", {"2001:db8::1", "192.0.2.1"}).lookups(20ms, 30ms);
//     world.address("2001:db8::1").connects_fail_with(ETIMEDOUT);   // nobody answers there
//     …
//   });
//
// What holds for the whole run is in simulation_options (simulation.hpp); this is about single
// hosts, and about what comes and goes: an address falls silent, a name server recovers.
#pragma once

#include <rondo/runtime/core/clock.hpp>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace rondo {

// One address of the simulated network. Every setter returns the object itself.
class simulated_address {
 public:
  // One way to it and from it, drawn for each segment, instead of simulation_options::latency.
  template <class A, class B>
  simulated_address& latency(A least, B most) {
    least_latency_ = std::max(detail::saturate(least), detail::nanoseconds::zero());
    most_latency_ = std::max(detail::saturate(most), least_latency_);
    return *this;
  }
  // Connects fail with this errno, whoever listens there: with ETIMEDOUT after 127 s, as on Linux
  // when nobody answers, and with any other (ECONNREFUSED, EHOSTUNREACH, …) after one round trip.
  // 0: they succeed.
  simulated_address& connects_fail_with(int error) noexcept {
    connect_error_ = error;
    return *this;
  }

  detail::nanoseconds least_latency_{-1};  // negative: as everywhere
  detail::nanoseconds most_latency_{-1};
  int connect_error_ = 0;
};

class simulated_world {
 public:
  // A name for the resolver, with its numeric addresses in the order in which it gives them.
  simulated_world& host(std::string name, std::vector<std::string> addresses);
  // How long a lookup takes, drawn for each. 0.
  template <class A, class B>
  simulated_world& lookups(A least, B most) {
    least_lookup_ = std::max(detail::saturate(least), detail::nanoseconds::zero());
    most_lookup_ = std::max(detail::saturate(most), least_lookup_);
    return *this;
  }
  // Chance that a lookup fails for now (EAI_AGAIN). 0.
  simulated_world& lookup_failures(double chance) noexcept {
    lookup_failures_ = chance;
    return *this;
  }
  // Throws std::invalid_argument that quotes what is not a numeric address.
  simulated_address& address(const std::string& numeric);

  std::map<std::string, std::vector<std::string>> hosts_;
  detail::nanoseconds least_lookup_{0};
  detail::nanoseconds most_lookup_{0};
  double lookup_failures_ = 0;
  std::map<std::string, simulated_address> addresses_;  // by its bytes in network order
};

// Of the simulation that the calling thread runs in. Throws std::logic_error on a real reactor.
simulated_world& this_simulation();

}  // namespace rondo
