#include <rondo/http/client/auth.hpp>
#include <rondo/http/client/route.hpp>

namespace rondo::http::detail {

std::string_view route::key(const http::url& target, std::uint64_t identity,
                            std::string& room) const {
  if (identity == 0 && !proxy && !target.has_credentials()) {
    // The origin stands at the front of the URL.
    const std::string_view host = target.host_header();
    const char* const begin = target.href().data();
    return {begin, static_cast<std::size_t>(host.data() + host.size() - begin)};
  }
  room = target.origin();
  if (identity != 0) room += " as " + std::to_string(identity);
  if (proxy) room += (tunnel ? " through " : " by ") + proxy->origin();
  if (speaks != proxy_kind::http) room += speaks == proxy_kind::socks5 ? " socks5" : " socks5h";
  return room;
}

std::string proxy_authorization(const http::url& proxy) {
  if (!proxy.has_credentials()) return {};
  return basic_authorization(percent_decode(proxy.username()), percent_decode(proxy.password()));
}

}  // namespace rondo::http::detail
