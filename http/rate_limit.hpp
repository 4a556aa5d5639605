// Middleware: so many requests in a time from each client.
//
//   s.use(http::rate_limit({100, 1min}));                              // 100 a minute
//   s.use(http::rate_limit(rate_limiter::options(10, 1s).burst(20)));
//
// What comes too soon is answered with 429 and, in Retry-After, the seconds until the same request
// would be let through. Each client has patterns' rate limiter, found by its address: an IPv4
// address, the first 64 bits of an IPv6 one, which is what one customer has. The clients of a Unix
// socket are one.
//
// Behind a proxy all clients have its address: say whose word on theirs counts with
// server_options::trust, or whom to count for with key().
#pragma once

#include <rondo/http/middleware.hpp>
#include <rondo/patterns/rate_limiter.hpp>
#include <rondo/runtime/core/amount.hpp>

#include <memory>
#include <string>
#include <utility>

namespace rondo::http {

namespace detail {

struct client_key {
  client_key() = default;
  client_key(const client_key&) = delete;
  client_key& operator=(const client_key&) = delete;
  virtual ~client_key() = default;
  virtual std::string of(server_request& r) = 0;
};

template <class Fn>
struct typed_client_key final : client_key {
  explicit typed_client_key(Fn f) : fn(std::move(f)) {}
  std::string of(server_request& r) override { return std::string(fn(r)); }
  Fn fn;
};

class client_limits;

// The default key: the address, of IPv6 its first 64 bits.
[[nodiscard]] std::string address_key(const net::endpoint& client);

}  // namespace detail

class rate_limit {
 public:
  // A queue in the options makes requests wait for their turn instead. At most `clients` have a
  // limiter of their own; when all of those are under way, the clients beyond share one. Throws
  // std::invalid_argument for 0.
  explicit rate_limit(const rate_limiter::options& each, rondo::detail::amount clients = 10'000);

  // Whom to count a request for: fn is (server_request&) -> std::string.
  template <class Fn>
  rate_limit& key(Fn fn) & {
    key_ = std::make_shared<detail::typed_client_key<Fn>>(std::move(fn));
    return *this;
  }
  template <class Fn>
  rate_limit&& key(Fn fn) && {
    return std::move(key(std::move(fn)));
  }

  task<server_response> operator()(server_request& r, next& rest) const;

 private:
  std::shared_ptr<detail::client_limits> limits_;
  std::shared_ptr<detail::client_key> key_;
};

}  // namespace rondo::http
