// The HTTP server.
//
//   http::server s;
//   s.route("GET", "/hello/{name}", [](http::server_request& r) -> task<http::server_response> {
//     co_return http::server_response::text("hello " + std::string(r.param("name")) + "\n");
//   });
//   co_await s.serve(net::tcp_listener::bind(net::endpoint::parse("127.0.0.1:8080")));
//
// HTTP/1.1 and 1.0, kept-alive connections, pipelined requests answered in order, bodies streamed
// both ways. What is not strictly a request is answered with its status and the connection is
// closed.
//
// A handler that throws is answered for by whose fault it was, told by where the error came from
// and not by its type. What reading this request's own body threw is the client's: 400, 408, 413 or
// 431, and the connection is closed. An http::error that came from elsewhere is a server's that the
// handler asked: 504 for a timeout_error, else 502. Anything else, and a response that cannot be
// sent, is the handler's: 500. The last two go to on_unhandled, and the client is told nothing of
// them but the status.
#pragma once

#include <rondo/http/file_options.hpp>
#include <rondo/http/server/server_state.hpp>
#include <rondo/http/server_messages.hpp>
#include <rondo/http/server_options.hpp>
#include <rondo/net/tcp.hpp>
#include <rondo/net/tls_context.hpp>
#include <rondo/net/unix.hpp>
#include <rondo/runtime/task.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace rondo::http {

class server {
 public:
  explicit server(server_options options = {}) { state_.options = options; }
  server(const server&) = delete;
  server& operator=(const server&) = delete;
  ~server() = default;

  // `handler` is (server_request&) -> task<server_response>. Throws std::invalid_argument
  // (router::add).
  template <class Handler>
  server& route(std::string_view method, std::string_view pattern, Handler handler) {
    add(method, pattern, std::make_unique<detail::typed_handler<Handler>>(std::move(handler)));
    return *this;
  }
  // Answers GET and HEAD for all paths that begin with `prefix`, which ends with "/", with the
  // files of a folder and nothing outside it. Throws std::system_error that names the folder when it
  // cannot be opened, std::invalid_argument when the route cannot be added (router::add).
  server& files(std::string_view prefix, const std::string& folder, file_options options = {});
  // Serves until cancelled; then stops accepting, cancels the handlers and waits for them. The
  // server must outlive it.
  task<> serve(net::tcp_listener listener);
  task<> serve(net::unix_listener listener);
  // The same over TLS, each connection with what tls.get() gives when it comes: replace() renews
  // certificates without dropping any. A client whose handshake fails is closed, and nobody is
  // told.
  task<> serve(net::tcp_listener listener, net::tls_reloadable tls);
  task<> serve(net::unix_listener listener, net::tls_reloadable tls);

 private:
  void add(std::string_view method, std::string_view pattern,
           std::unique_ptr<detail::any_handler> h);
  template <class Listener>
  task<> serve_plain(Listener listener);
  template <class Listener>
  task<> serve_tls(Listener listener, net::tls_reloadable tls);

  detail::server_state state_;
};

}  // namespace rondo::http
