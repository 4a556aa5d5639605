// Proxies: plain HTTP through them, tunnels (CONNECT) for https, and SOCKS5 for both.
//
//   http::client c(http::client_options().proxy(http::proxy("http://user:pass@127.0.0.1:3128").except("localhost")));
//   http::client d(http::client_options().proxy(http::proxy::from_environment()));
//   http::client e(http::client_options().proxy(http::proxy("socks5h://127.0.0.1:9050")));
//
// The credentials in a proxy's URL go to the proxy alone (Proxy-Authorization, Basic; the login of
// SOCKS5, RFC 1929). A socks5h proxy looks names up; with socks5 they are looked up here, and their
// first address is asked for.
#pragma once

#include <rondo/http/url.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace rondo::http {

// What is spoken with a proxy; socks5h leaves names to it.
enum class proxy_kind : std::uint8_t { http, socks5, socks5h };

class proxy {
 public:
  // For every target. Throws url_error when `url` is none of http, socks5 and socks5h: other kinds
  // are not spoken. Without a port 80, and 1080 for SOCKS.
  explicit proxy(std::string_view url);
  // As http_proxy, https_proxy and all_proxy say, and no_proxy; also in upper case, except for
  // HTTP_PROXY, which a web server sets from a client's field (CVE-2016-5385). None set:
  // everything goes directly. A part of no_proxy that is none of those below is ignored, and told
  // once in the log. A proxy that cannot be used fails the requests that would go through it, and
  // no others.
  static proxy from_environment();

  // Targets that are asked directly, separated by commas or spaces: "example.org" or ".example.org"
  // (it and what is below it), "10.0.0.0/8", "[::1]", each perhaps with ":port"; "*" is all. Adds
  // to what is there. Throws std::invalid_argument that quotes a part that is none of these.
  proxy& except(std::string_view list) &;
  proxy&& except(std::string_view list) && { return std::move(except(list)); }
  // Whether http goes through a tunnel too, as https always does. No.
  proxy& tunnel(bool on = true) & {
    tunnel_ = on;
    return *this;
  }
  proxy&& tunnel(bool on = true) && { return std::move(tunnel(on)); }

  // The proxy for a target; nullptr: directly. Throws url_error that names the variable when the
  // environment has one for it that cannot be used.
  [[nodiscard]] const http::url* for_target(const http::url& target) const;
  [[nodiscard]] bool tunnels(const http::url& target) const {
    return tunnel_ || target.is_secure() || kind_for(target) != proxy_kind::http;
  }
  // What that proxy speaks.
  [[nodiscard]] proxy_kind kind_for(const http::url& target) const noexcept;

 private:
  struct exception {
    std::string name;  // without a leading dot; empty: an address
    std::string address;
    unsigned bits = 0;
    std::optional<std::uint16_t> port;
  };
  // What the environment names for a kind of target.
  struct unusable {
    std::string variable;
    std::string value;
    std::string why;
    std::size_t position = 0;  // in the value
  };
  struct server {
    http::url at;  // written as an http URL
    proxy_kind kind = proxy_kind::http;
  };
  using choice = std::variant<std::monostate, server, unusable>;  // monostate: directly

  proxy() = default;
  static server read_server(std::string_view url);
  static choice from_variables(std::initializer_list<const char*> names);
  void except_readable(const char* lower, const char* upper);
  [[nodiscard]] static exception read_exception(std::string_view text);
  [[nodiscard]] static bool applies(const exception& e, const http::url& target);

  choice for_http_;
  choice for_https_;
  std::vector<exception> exceptions_;
  bool everything_ = false;  // "*"
  bool tunnel_ = false;
};

}  // namespace rondo::http
