#include "connecting.hpp"

#include <rondo/net/resolver.hpp>
#include <rondo/net/tls_context.hpp>

#include <chrono>
#include <map>
#include <stdexcept>
#include <string_view>

namespace rondo::tools {

std::pair<std::string, std::string> split(const std::string& text, char at, const char* wanted) {
  const std::size_t n = text.find(at);
  if (n == std::string::npos) throw std::invalid_argument(std::string(wanted) + ": " + text);
  return {text.substr(0, n), text.substr(n + 1)};
}

namespace {

std::string with_port(std::string_view host, std::string_view port) {
  std::string text(host);
  text += ':';
  text += port;
  return text;
}

// Addresses that were given for a host and port, as curl's --resolve has them.
class known_hosts {
 public:
  explicit known_hosts(const std::vector<std::string>& given) {
    for (const std::string& text : given) {
      auto [host, rest] = split(text, ':', wanted);
      auto [port, addresses] = split(rest, ':', wanted);
      std::vector<net::endpoint>& known = known_[with_port(host, port)];
      for (std::size_t at = 0; at <= addresses.size();) {
        const std::size_t end = std::min(addresses.find(',', at), addresses.size());
        std::string one = addresses.substr(at, end - at);
        if (one.find(':') != std::string::npos && one.front() != '[') {
          one.insert(0, 1, '[');
          one += ']';
        }
        known.push_back(net::endpoint::parse(with_port(one, port)));
        at = end + 1;
      }
    }
  }

  task<std::vector<net::endpoint>> operator()(std::string host, std::uint16_t port) const {
    const auto found = known_.find(with_port(host, std::to_string(port)));
    if (found == known_.end()) co_return co_await net::resolve(std::move(host), port);
    co_return found->second;
  }

 private:
  static constexpr const char* wanted = "--resolve wants host:port:address[,address...]";
  std::map<std::string, std::vector<net::endpoint>, std::less<>> known_;
};

// Only what was asked for is set: beside a Unix socket it would be refused.
void choose_sockets(http::client_options& c, const connecting_options& o) {
  if (!o.unix_socket.empty()) c.unix_socket(o.unix_socket);
  if (o.local_address.empty() && o.resolve.empty()) return;
  net::connect_options sockets;
  if (!o.local_address.empty())
    sockets.local(net::endpoint(net::address::parse(o.local_address), 0));
  if (!o.resolve.empty()) sockets.resolver(known_hosts(o.resolve));
  c.sockets(std::move(sockets));
}

}  // namespace

void add_fields(http::request& r, const connecting_options& o) {
  for (const std::string& h : o.headers) {
    auto [name, value] = split(h, ':', "--header wants \"Name: value\"");
    r.header(name, value);
  }
  if (!o.user.empty()) {
    auto [name, password] = split(o.user, ':', "--user wants name:password");
    r.basic_auth(name, password);
  }
}

http::client_options client_options_of(const connecting_options& o) {
  http::client_options c;
  c.connect_timeout(std::chrono::duration<double>(o.connect_timeout_s));
  choose_sockets(c, o);
  if (o.proxy == "env")
    c.proxy(http::proxy::from_environment());
  else if (!o.proxy.empty())
    c.proxy(http::proxy(o.proxy));
  if (o.insecure || !o.ca_file.empty()) {
    net::tls_client_options tls;
    if (!o.ca_file.empty()) tls.ca_file(o.ca_file);
    if (o.insecure) tls.insecure();
    c.tls(net::tls_context::client(tls));
  }
  return c;
}

}  // namespace rondo::tools
