#include <rondo/net/socks.hpp>

#include <vector>

namespace rondo::net {

task<tcp_stream> connect_by_socks(std::string proxy, std::uint16_t proxy_port, std::string host,
                                  std::uint16_t port, socks_options options) {
  tcp_stream s = co_await tcp_stream::connect(std::move(proxy), proxy_port, options.connecting_);
  co_await socks_handshake(s, std::move(host), port, std::move(options));
  co_return s;
}

task<std::string> detail::socks_target(std::string host, std::uint16_t port, bool resolve_here,
                                       std::shared_ptr<name_source> names) {
  if (!resolve_here) co_return host;
  const std::vector<endpoint> all = co_await addresses_of(std::move(host), port, std::move(names));
  co_return all.front().ip().to_string();
}

}  // namespace rondo::net
