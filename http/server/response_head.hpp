// A handler's response on its way out: what is wrong with it, and its head. Internal.
#pragma once

#include <rondo/http/server_messages.hpp>

#include <string>
#include <string_view>

namespace rondo::http::detail {

// What the client gets in place of a response that there is not.
[[nodiscard]] server_response failed(int status);

// What is wrong with the response is reported to on_unhandled, and left out or answered with 500 in
// its place. `head_only`: it answers HEAD.
void check_response(server_response& response, bool head_only);

// Appends the start line and the fields, of a response that check_response() has seen, with room
// behind them for its body. `kept`: what a client is told of a connection that is kept, with its
// line ends; empty when it is closed.
void write_response_head(std::string& out, const server_response& response, bool chunked,
                         std::string_view kept);

}  // namespace rondo::http::detail
