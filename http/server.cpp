#include <rondo/http/server.hpp>
#include <rondo/http/server/server_connection.hpp>
#include <rondo/http/server/static_files.hpp>
#include <rondo/net/serve.hpp>
#include <rondo/runtime/as_result.hpp>

namespace rondo::http {

void server::add(std::string_view method, std::string_view pattern,
                 std::unique_ptr<detail::any_handler> h) {
  state_.routes.add(method, pattern, state_.handlers.size());
  state_.handlers.push_back(std::move(h));
}

server& server::files(std::string_view prefix, const std::string& folder, file_options options) {
  return route("GET", std::string(prefix) + "{path...}",
               detail::static_files(prefix, net::directory::open_now(folder), std::move(options)));
}

namespace {

task<> serve_connection(const detail::server_state& s, detail::transport stream) {
  detail::server_connection c(s, std::move(stream));
  co_await c.run();
}

// A client that does not get through its handshake is the client's trouble: nobody is told.
task<> serve_secure(const detail::server_state& s, detail::plain_stream stream,
                    net::tls_context context) {
  outcome<detail::tls_stream> secure =
      co_await as_result(detail::tls_stream::accept(std::move(stream), std::move(context)));
  if (secure.has_value()) co_await serve_connection(s, std::move(secure).value());
}

}  // namespace

task<> server::serve(net::tcp_listener listener) { return serve_plain(std::move(listener)); }
task<> server::serve(net::unix_listener listener) { return serve_plain(std::move(listener)); }
task<> server::serve(net::tcp_listener listener, net::tls_reloadable tls) {
  return serve_tls(std::move(listener), std::move(tls));
}
task<> server::serve(net::unix_listener listener, net::tls_reloadable tls) {
  return serve_tls(std::move(listener), std::move(tls));
}

template <class Listener>
task<> server::serve_plain(Listener listener) {
  co_await net::serve(
      std::move(listener),
      [this](detail::plain_stream stream) { return serve_connection(state_, std::move(stream)); },
      net::serve_options().max_connections(state_.options.max_connections_));
}

template <class Listener>
task<> server::serve_tls(Listener listener, net::tls_reloadable tls) {
  co_await net::serve(
      std::move(listener),
      [this, tls = std::move(tls)](detail::plain_stream stream) {
        return serve_secure(state_, std::move(stream), tls.get());
      },
      net::serve_options().max_connections(state_.options.max_connections_));
}

}  // namespace rondo::http
