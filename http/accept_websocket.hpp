// A server's side of a WebSocket: the answer to a request that asks for one.
//
//   s.route("GET", "/rooms/{name}", [](http::server_request& r) -> task<http::server_response> {
//     if (!r.headers().contains("Authorization")) co_return http::server_response(401);
//     co_return http::accept_websocket(
//         r, [room = std::string(r.param("name"))](http::websocket& ws) -> task<> {
//           while (auto m = co_await ws.receive()) co_await ws.send(room + ": " + m->data);
//         });
//   });
//
// server::websocket is the same where nothing is to be looked at before.
#pragma once

#include <rondo/http/server_messages.hpp>
#include <rondo/http/upgrade.hpp>
#include <rondo/http/websocket.hpp>
#include <rondo/http/websocket/deflate.hpp>
#include <rondo/runtime/task.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace rondo::http {

namespace detail {

// What the handshake has agreed on, or why there is none.
struct websocket_acceptance {
  server_response answer;  // without an upgrade: the refusal
  bool accepted = false;
  std::string key;  // empty: of HTTP/2, which needs none
  std::string protocol;
  std::string extensions;
  std::optional<deflate_terms> deflate;
};
websocket_acceptance examine_websocket_request(const server_request& r, const websocket_options& o);
void complete_websocket_answer(server_response& response, const websocket_acceptance& a);

// Of no use once the WebSocket is there.
struct websocket_beginning {
  websocket_options options;
  std::string protocol;
  std::optional<deflate_terms> deflate;
};

// A WebSocket for as long as its handler's task runs, which has no other around it: an idle one
// would have its frame. Then it is closed (1000).
class websocket_handler : public upgrade_handler {
 public:
  task<> call(upgraded_stream stream) final;
  task<> follow(std::exception_ptr& failure) final;
  // Tells the client 1001.
  void hear_of_stop() noexcept final;

 protected:
  websocket_handler(running_server& s, std::unique_ptr<websocket_beginning> b) noexcept
      : server_(s), beginning_(std::move(b)) {}

 private:
  virtual task<> handle(http::websocket& ws) = 0;

  running_server& server_;
  std::unique_ptr<websocket_beginning> beginning_;
  websocket websocket_{nullptr};
};

template <class Fn>
class typed_websocket_handler final : public websocket_handler {
 public:
  typed_websocket_handler(Fn f, running_server& s, std::unique_ptr<websocket_beginning> b)
      : websocket_handler(s, std::move(b)), fn_(std::move(f)) {}

 private:
  task<> handle(http::websocket& ws) override { return fn_(ws); }
  Fn fn_;
};

}  // namespace detail

// 101 (HTTP/2: 200, on the request's stream), after which `handler`, (websocket&) -> task<>, has
// the connection for as long as its task runs; then the WebSocket is closed with 1000, or with 1011
// when the task threw. What it throws of its own WebSocket (websocket_error, for a client that has
// gone) is told to nobody, all else to on_unhandled. A stop of the server sends Close 1001:
// receive() goes on until the client answers, and the grace is for the rest.
//
// Refused are, with the sentence why: another version than 13 (426), a key that is none (400;
// HTTP/2 has none), a page of another site (403; see websocket_options::origins), and by
// server_response::upgrade what is no request for an upgrade (426).
template <class Handler>
server_response accept_websocket(server_request& r, Handler handler,
                                 websocket_options options = {}) {
  detail::websocket_acceptance a = detail::examine_websocket_request(r, options);
  if (!a.accepted) return std::move(a.answer);
  server_response response = server_response::upgrade_to(
      "websocket", std::make_unique<detail::typed_websocket_handler<Handler>>(
                       std::move(handler), r.server(),
                       std::make_unique<detail::websocket_beginning>(std::move(options), a.protocol,
                                                                     a.deflate)));
  detail::complete_websocket_answer(response, a);
  return response;
}

}  // namespace rondo::http
