// Names to addresses, by getaddrinfo(3) on a thread.
#pragma once

#include <rondo/net/endpoint.hpp>
#include <rondo/runtime/task.hpp>

#include <cstdint>
#include <string>
#include <system_error>
#include <vector>

namespace rondo::net {

// getaddrinfo's EAI_… as std::error_code.
const std::error_category& resolver_category() noexcept;

// A name that could not be resolved: what() names the host and the reason; the code is of
// resolver_category.
class resolve_error : public std::system_error {
 public:
  resolve_error(const std::string& host, int code)
      : std::system_error(code, resolver_category(), "cannot resolve \"" + host + '"') {}
};

// The addresses of `host` in the system's order, each with `port`; a numeric host is answered at once.
// Throws resolve_error. Cancelled: leaves at once, the lookup ends on its thread. In the simulation names
// come from simulation_options::host.
task<std::vector<endpoint>> resolve(std::string host, std::uint16_t port);

}  // namespace rondo::net
