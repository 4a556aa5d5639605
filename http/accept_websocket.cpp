#include <rondo/http/accept_websocket.hpp>
#include <rondo/http/running_server.hpp>
#include <rondo/http/websocket/handshake.hpp>

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

websocket open_websocket(upgraded_stream stream, const websocket_options& o, std::string protocol,
                         std::optional<deflate_terms> terms) {
  auto [transport, first] = std::move(stream).take();
  auto connection = std::make_unique<websocket_connection>(side::server, std::move(transport),
                                                           std::move(first), o);
  if (terms) connection->set_deflate(*terms);
  return websocket(std::move(connection), std::move(protocol));
}

namespace {

// Tells the client 1001 when the server stops.
class leaves_at_a_stop final : public stop_hook {
 public:
  leaves_at_a_stop(websocket& ws, running_server& s) noexcept : stop_hook(s), websocket_(ws) {
    if (s.stopping()) hear_of_stop();
  }
  void hear_of_stop() noexcept override { websocket_access::leave(websocket_); }

 private:
  websocket& websocket_;
};

}  // namespace

task<> serve_websocket(websocket ws, running_server& server, websocket_handler& handler) {
  const leaves_at_a_stop mine(ws, server);
  try {
    co_await handler.call(ws);
  } catch (const websocket_error&) {
    if (!ws.ended()) throw;  // of another one
  }
  co_await ws.close();
}

}  // namespace rondo::http::detail
