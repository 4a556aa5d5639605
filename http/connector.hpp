// Where a client's connections come from when that is no network of the system's.
//
//   struct into_the_tunnel : http::connector {
//     task<net::any_stream> connect(const http::url&) override {
//       co_return net::any_stream(co_await tunnel.open());
//     }
//   };
//   http::client c(http::client_options().connector(std::make_shared<into_the_tunnel>()));
#pragma once

#include <rondo/http/url.hpp>
#include <rondo/net/any_stream.hpp>
#include <rondo/runtime/task.hpp>

namespace rondo::http {

class connector {
 public:
  connector() = default;
  connector(const connector&) = delete;
  connector& operator=(const connector&) = delete;
  virtual ~connector() = default;

  // A fresh connection to the origin of `to`, which lives until it is there. What it throws, the
  // request throws; http::connect_error gets its URL and phase. The phase "connect" limits it.
  // Cancelled with the request.
  virtual task<net::any_stream> connect(const http::url& to) = 0;
};

}  // namespace rondo::http
