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

namespace {

task<> fail_with(std::exception_ptr why) {
  std::rethrow_exception(std::move(why));
  co_return;
}

}  // namespace

// A handler that is no coroutine throws at the call.
task<> websocket_handler::call(upgraded_stream stream) {
  const std::unique_ptr<websocket_beginning> b = std::move(beginning_);
  auto [transport, first] = std::move(stream).take();
  auto connection = std::make_unique<websocket_connection>(side::server, std::move(transport),
                                                           std::move(first), b->options);
  if (b->deflate) connection->set_deflate(*b->deflate);
  connection->set_protocol(std::move(b->protocol));
  websocket_ = websocket(std::move(connection));
  if (server_.stopping()) hear_of_stop();
  try {
    return handle(websocket_);
  } catch (...) {
    return fail_with(std::current_exception());
  }
}

void websocket_handler::hear_of_stop() noexcept {
  websocket_access::leave(websocket_, close_code::going_away);
}

namespace {

bool is_websocket_error(const std::exception_ptr& e) noexcept {
  try {
    std::rethrow_exception(e);
  } catch (const websocket_error&) {
    return true;
  } catch (...) {
    return false;
  }
}

}  // namespace

// What the handler throws is reported, and its client told 1011; but for the loss of its own
// client, of which nobody need hear.
task<> websocket_handler::follow(std::exception_ptr& failure) {
  if (failure && websocket_.ended() && is_websocket_error(failure)) failure = nullptr;
  if (failure) websocket_access::leave(websocket_, close_code::internal_error);
  if (failure || websocket_.ended()) return {};
  return websocket_.close();
}

}  // namespace rondo::http::detail
