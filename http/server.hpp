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
// closed. HTTP/2 with the same handlers, each stream a task: to clients that agree on "h2"
// (tls_context::alpn), and to those that say its preface in clear.
//
// A handler that throws is answered for by whose fault it was, told by where the error came from
// and not by its type. What reading this request's own body threw is the client's: 400, 408, 413 or
// 431, and the connection is closed. An http::error that came from elsewhere is a server's that the
// handler asked: 504 for a timeout_error, else 502. Anything else, and a response that cannot be
// sent, is the handler's: 500. The last two go to on_unhandled, and the client is told nothing of
// them but the status.
#pragma once

#include <rondo/http/accept_websocket.hpp>
#include <rondo/http/file_options.hpp>
#include <rondo/http/middleware.hpp>
#include <rondo/http/running_server.hpp>
#include <rondo/http/server/server_state.hpp>
#include <rondo/http/server_messages.hpp>
#include <rondo/http/server_options.hpp>
#include <rondo/http/stop_handle.hpp>
#include <rondo/net/any_stream.hpp>
#include <rondo/net/tcp.hpp>
#include <rondo/net/tls_context.hpp>
#include <rondo/net/unix.hpp>
#include <rondo/runtime/core/clock.hpp>
#include <rondo/runtime/task.hpp>

#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace rondo::http {

// Routes that share the front of their paths and their middleware. A name for a part of a server,
// which it must not outlive; copies are the same part.
//
//   http::route_group api = s.group("/api");
//   api.use(http::bearer_auth(check)).route("GET", "/users/{id}", user);   // "/api/users/{id}"
class route_group {
 public:
  // As those of server, for this group; a pattern follows the prefix, and may be empty.
  template <class Handler>
  route_group& route(std::string_view method, std::string_view pattern, Handler handler) {
    routing_->add(group_, method, pattern,
                  std::make_unique<detail::typed_handler<Handler>>(std::move(handler)));
    return *this;
  }
  template <class Handler>
  route_group& websocket(std::string_view pattern, Handler handler,
                         websocket_options options = {}) {
    return route("GET", pattern,
                 // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): kept
                 [handler = std::move(handler), options = std::move(options)](server_request& r)
                     -> task<server_response> { co_return accept_websocket(r, handler, options); });
  }
  template <class Link>
  route_group& use(Link link) {
    routing_->use(group_, std::make_unique<detail::typed_link<Link>>(std::move(link)));
    return *this;
  }
  template <class Handler>
  route_group& events(std::string_view pattern, Handler handler,
                      std::chrono::nanoseconds quiet = std::chrono::seconds(15)) {
    auto kept = std::make_shared<Handler>(std::move(handler));
    // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): the route does
    return route("GET", pattern, [kept, quiet](server_request& r) -> task<server_response> {
      co_return server_response::events(
          [kept, &r](event_sink& out) -> task<> { return (*kept)(r, out); }, quiet);
    });
  }
  route_group& files(std::string_view prefix, const std::string& folder, file_options options = {});
  route_group group(std::string_view prefix) {
    return {*routing_, routing_->add_group(group_, prefix)};
  }

 private:
  friend class server;
  route_group(detail::routing& r, detail::routing::group g) noexcept : routing_(&r), group_(g) {}

  detail::routing* routing_;
  detail::routing::group group_;
};

class server {
 public:
  // Without routes.
  explicit server(server_options options = {}) : state_(std::move(options)) {}
  server(const server&) = delete;
  server& operator=(const server&) = delete;
  ~server() = default;

  // `handler` is (server_request&) -> task<server_response>. HEAD is answered by GET's handler,
  // OPTIONS and methods that the path has not by the server, unless a route of its own does.
  // Routes, groups and middleware are there before the server serves: afterwards each of these
  // throws std::logic_error. Throws std::invalid_argument (router::add).
  template <class Handler>
  server& route(std::string_view method, std::string_view pattern, Handler handler) {
    everything().route(method, pattern, std::move(handler));
    return *this;
  }
  // Answers GET and HEAD for all paths that begin with `prefix`, which ends with "/", with the
  // files of a folder and nothing outside it. Throws std::system_error that names the folder when
  // it cannot be opened, and as route().
  server& files(std::string_view prefix, const std::string& folder, file_options options = {});
  // Each GET of the pattern that asks for a WebSocket gets one, and `handler`, (websocket&) ->
  // task<>, which is copied, has it for as long as its task runs: see accept_websocket, also for
  // what is refused.
  template <class Handler>
  server& websocket(std::string_view pattern, Handler handler, websocket_options options = {}) {
    everything().websocket(pattern, std::move(handler), std::move(options));
    return *this;
  }
  // Puts a link of middleware around all that the server answers (<rondo/http/middleware.hpp>),
  // inside of those that are there.
  template <class Link>
  server& use(Link link) {
    everything().use(std::move(link));
    return *this;
  }
  // `prefix` begins with "/" and does not end with it; it may hold parameters. Throws
  // std::invalid_argument.
  route_group group(std::string_view prefix) { return everything().group(prefix); }
  // Whether a path that is no route, but would be one with a "/" at its end, or without the one
  // that it has, is answered with 308 and the other. No.
  server& redirect_slashes(bool on = true) {
    state_.routing.redirect_slashes(on);
    return *this;
  }
  // GET of a stream of server-sent events: `handler` is (server_request&, event_sink&) -> task<>,
  // and `quiet` as in server_response::events, which a handler of route() may answer, too. Throws
  // as route.
  template <class Handler>
  server& events(std::string_view pattern, Handler handler,
                 std::chrono::nanoseconds quiet = std::chrono::seconds(15)) {
    everything().events(pattern, std::move(handler), quiet);
    return *this;
  }
  // Serves until `stop` asks for a stop. Then, in this order: what waits in the listener's queue is
  // accepted, and the listener closed; a connection at rest has a second for one more request,
  // which is answered with Connection: close, and one that has never sent a byte a second from its
  // beginning; the others say Connection: close with their next answer, and until_stop() wakes
  // whoever waits there; when server_options::grace is over, or stop.end_grace() asks for it, the
  // handlers that still run are cancelled, and what was spawned; when cancel_grace is over as well,
  // connections are closed under whatever still cleans up.
  //
  // Cancelled, it skips those clocks: it stops accepting, cancels the handlers and waits for them.
  // Throws std::system_error when the listener fails; a lack of descriptors or memory is waited
  // out. What a connection's task throws goes to on_unhandled. The server must outlive it, and may
  // serve several listeners at a time.
  task<> serve(net::tcp_listener listener, stop_handle stop = {});
  task<> serve(net::unix_listener listener, stop_handle stop = {});
  // The same over TLS, each connection with what tls.get() gives when it comes: replace() renews
  // certificates without dropping any. A client whose handshake fails is closed, counted
  // (running_server::tls_failures) and told to server_options::on_tls_failure. Cancelled as above.
  task<> serve(net::tcp_listener listener, net::tls_reloadable tls, stop_handle stop = {});
  task<> serve(net::unix_listener listener, net::tls_reloadable tls, stop_handle stop = {});
  // Serves one connection that somebody else has accepted, or that is in memory, until it is over
  // or, as serve() does, until a stop. A limit of time that it passes closes it without an answer.
  // The server must outlive it. Cancelled as serve().
  task<> serve_stream(net::any_stream stream, stop_handle stop = {});

 private:
  route_group everything() noexcept { return {state_.routing, detail::routing::everything}; }
  template <class Listener>
  task<> serve_on(Listener listener, std::optional<net::tls_reloadable> tls, stop_handle stop);

  detail::server_state state_;
};

}  // namespace rondo::http
