#include <rondo/net/resolver.hpp>
#include <rondo/runtime/reactor_sim.hpp>
#include <rondo/runtime/to_thread.hpp>

#include <netdb.h>
#include <sys/socket.h>

#include <cstring>
#include <memory>

namespace rondo::net {
namespace {

class resolver_category_type final : public std::error_category {
 public:
  const char* name() const noexcept override { return "rondo.resolver"; }
  std::string message(int code) const override { return ::gai_strerror(code); }
};

std::vector<endpoint> look_up(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (error == EAI_NONAME || error == EAI_ADDRFAMILY) {
    // AI_ADDRCONFIG does not count loopback: a host with nothing else still has its own names.
    hints.ai_flags = 0;
    error = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  }
  if (error == EAI_SYSTEM)
    throw std::system_error(errno, std::system_category(), "cannot resolve \"" + host + '"');
  if (error != 0) throw resolve_error(host, error);
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  std::vector<endpoint> result;
  for (const addrinfo* a = found; a; a = a->ai_next) {
    const endpoint e = endpoint::from_sockaddr(a->ai_addr, a->ai_addrlen);
    result.emplace_back(e.ip(), port);
  }
  return result;
}

std::vector<endpoint> look_up_simulated(const simulation_options& world, const std::string& host,
                                        std::uint16_t port) {
  const auto entry = world.hosts_.find(host);
  if (entry != world.hosts_.end()) return {endpoint(address::parse(entry->second), port)};
  if (host == "localhost") return {endpoint(address::loopback_v4(), port)};
  throw resolve_error(host, EAI_NONAME);
}

}  // namespace

const std::error_category& resolver_category() noexcept {
  static const resolver_category_type category;
  return category;
}

task<std::vector<endpoint>> resolve(std::string host, std::uint16_t port) {
  if (address numeric; address::try_parse(host, numeric))
    co_return std::vector{endpoint(numeric, port)};
  if (host.empty() || host.size() > 253 || host.find('\0') != std::string::npos)
    throw resolve_error(host, EAI_NONAME);
  if (const simulation_options* world = rondo::detail::current_simulation())
    co_return look_up_simulated(*world, host, port);
  co_return co_await to_thread(abandon_on_cancel, &look_up, host, port);
}

}  // namespace rondo::net
