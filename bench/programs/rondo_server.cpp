// Says hello at /hello.
#include <rondo/http.hpp>
#include <rondo/net.hpp>
#include <rondo/runtime.hpp>

namespace http = rondo::http;

rondo::task<> serve() {
  http::server s;
  s.route("GET", "/hello", [](http::server_request&) -> rondo::task<http::server_response> {
    co_return http::server_response::text("hello\n");
  });
  co_await s.serve(rondo::net::tcp_listener::bind(rondo::net::endpoint::parse("127.0.0.1:8080")));
}

int main() { return rondo::run_main(serve()); }
