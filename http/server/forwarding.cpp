#include <rondo/http/errors.hpp>
#include <rondo/http/server/forwarding.hpp>
#include <rondo/http/wire/ascii.hpp>
#include <rondo/http/wire/forwarded.hpp>
#include <rondo/http/wire/proxy_header.hpp>
#include <rondo/runtime/loop.hpp>
#include <rondo/runtime/scope.hpp>

#include <cstddef>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace rondo::http::detail {
namespace {

// Throws protocol_error; an empty `so_far` afterwards says that nothing came.
task<proxy_header> read_header_of(plain_stream& stream, std::string& so_far) {
  proxy_header h = read_proxy_header(so_far);
  while (!h.complete) {
    const std::size_t begin = so_far.size();
    so_far.resize(begin + h.wants);
    const std::size_t n =
        co_await stream.read_some(std::as_writable_bytes(std::span(so_far)).subspan(begin));
    so_far.resize(begin + n);
    if (n == 0) throw protocol_error("the connection ended within the PROXY protocol's header");
    h = read_proxy_header(so_far);
  }
  co_return h;
}

void report_about(const net::endpoint& peer, std::string_view what) {
  rondo::detail::report_unhandled(std::make_exception_ptr(
      protocol_error(std::string(what) + " (from " + peer.to_string() + ')')));
}

}  // namespace

task<bool> take_proxy_header(plain_stream& stream, const trusted_proxies& trusted,
                             std::unique_ptr<net::endpoint>& source) {
  if (!trusted.speaks_proxy_protocol()) co_return true;
  net::endpoint peer;
  std::string so_far;
  try {
    peer = stream.remote_endpoint();
    if (!trusted.trusts(peer)) co_return true;
    std::optional<proxy_header> h =
        co_await try_for(trusted.proxy_protocol_limit(), read_header_of(stream, so_far));
    if (!h) {
      report_about(peer, "no header of the PROXY protocol came in time");
      co_return false;
    }
    if (h->source) source = std::make_unique<net::endpoint>(*std::move(h->source));
    co_return true;
  } catch (const protocol_error& e) {
    if (!so_far.empty()) report_about(peer, e.message());  // else it has only looked who listens
  } catch (const std::system_error&) {                     // it has gone
  }
  co_return false;
}

net::endpoint client_behind(net::endpoint peer, const headers& fields,
                            const trusted_proxies& trusted) {
  if (trusted.field() == forwarding::none || !trusted.trusts(peer)) return peer;
  const bool standard = trusted.field() == forwarding::forwarded;
  const std::string_view name = standard ? "Forwarded" : "X-Forwarded-For";
  // Repeated fields are one list (RFC 9110, section 5.3).
  std::string value;
  for (const auto& [n, v] : fields)
    if (iequals(n, name)) value.append(value.empty() ? "" : ", ").append(v);
  const forwarded_nodes nodes = standard ? read_forwarded(value) : read_x_forwarded_for(value);
  for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) {
    if (!*node) return peer;  // it does not say, so nobody beyond it is known
    peer = **node;
    if (!trusted.trusts(peer)) return peer;
  }
  return peer;
}

}  // namespace rondo::http::detail
