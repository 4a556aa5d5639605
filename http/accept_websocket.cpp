#include <rondo/http/accept_websocket.hpp>
#include <rondo/http/running_server.hpp>
#include <rondo/http/websocket/close_code.hpp>
#include <rondo/http/websocket/handshake.hpp>

#include <utility>

namespace rondo::http::detail {

websocket_acceptance examine_websocket_request(const server_request& r,
                                               const websocket_options& o) {
  websocket_acceptance a;
  const headers& fields = r.headers();
  if (const websocket_refusal no = check_websocket_request(fields, o, r.version());
      no.status != 0) {
    a.answer = server_response::text(std::string(no.why) + '\n', no.status);
    if (no.status == 426)  // RFC 9110, section 15.5.22; RFC 6455, section 4.4
      a.answer.header("Upgrade", "websocket").header("Sec-WebSocket-Version", "13");
    return a;
  }
  a.accepted = true;
  if (r.version() != version::http_2) a.key = *fields.get("Sec-WebSocket-Key");
  a.protocol = choose_protocol(fields, o);
  if (std::optional<agreed_deflate> agreed = choose_deflate(fields, o)) {
    a.deflate = agreed->terms;
    a.extensions = std::move(agreed->answer);
  }
  return a;
}

void complete_websocket_answer(server_response& response, const websocket_acceptance& a) {
  if (!a.key.empty()) response.header("Sec-WebSocket-Accept", websocket_accept(a.key));
  if (!a.protocol.empty()) response.header("Sec-WebSocket-Protocol", a.protocol);
  if (!a.extensions.empty()) response.header("Sec-WebSocket-Extensions", a.extensions);
}

websocket open_websocket(upgraded_stream stream, std::unique_ptr<websocket_beginning> o) {
  auto [transport, first] = std::move(stream).take();
  auto connection = std::make_unique<websocket_connection>(side::server, std::move(transport),
                                                           std::move(first), o->options);
  if (o->deflate) connection->set_deflate(*o->deflate);
  return websocket(std::move(connection), std::move(o->protocol));
}

namespace {

// Tells the client 1001 when the server stops.
class leaves_at_a_stop final : public stop_hook {
 public:
  leaves_at_a_stop(websocket& ws, running_server& s) noexcept : stop_hook(s), websocket_(ws) {
    if (s.stopping()) hear_of_stop();
  }
  void hear_of_stop() noexcept override {
    websocket_access::leave(websocket_, close_code::going_away);
  }

 private:
  websocket& websocket_;
};

// What the handler throws is reported, and its client told 1011.
[[noreturn]] void throw_on(websocket& ws) {
  websocket_access::leave(ws, close_code::internal_error);
  throw;
}

}  // namespace

// An idle one has this frame: one await serves for both tasks.
task<> serve_websocket(websocket ws, websocket_handler& handler) {
  const leaves_at_a_stop mine(ws, handler.server);
  for (bool closing = false;;) {
    try {
      co_await (closing ? ws.close() : handler.call(ws));
    } catch (const websocket_error&) {
      if (closing || !ws.ended()) throw_on(ws);  // of another one
    } catch (...) {
      throw_on(ws);
    }
    if (std::exchange(closing, true)) co_return;
  }
}

}  // namespace rondo::http::detail
