// Names to addresses, by getaddrinfo(3) on a thread.
#pragma once

#include <rondo/net/endpoint.hpp>
#include <rondo/runtime/task.hpp>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace rondo::net {

// A name that could not be resolved: what() names the host and the reason, code() is getaddrinfo's EAI_….
class resolve_error : public std::runtime_error {
 public:
  resolve_error(const std::string& host, int code, const std::string& reason)
      : std::runtime_error("cannot resolve \"" + host + "\": " + reason), code_(code) {}
  int code() const noexcept { return code_; }

 private:
  int code_;
};

// The addresses of `host` in the system's order, each with `port`; a numeric host is answered at once.
// Throws resolve_error. Cancelled: leaves at once, the lookup ends on its thread. In the simulation names
// come from simulation_options::host.
task<std::vector<endpoint>> resolve(std::string host, std::uint16_t port);

}  // namespace rondo::net
