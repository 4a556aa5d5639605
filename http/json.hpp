// JSON bodies by nlohmann-json, for programs that have it: Rondo itself needs it not, and includes
// this nowhere.
//
//   co_await c.send(http::json_body(http::request("POST", url), {{"name", "x"}}));
//   nlohmann::json j = co_await http::read_json(response);
//
// And in a server's handler:
//
//   nlohmann::json asked = co_await http::read_json(r);
//   co_return http::json_response({{"name", asked.at("name")}});
#pragma once

#include <rondo/http/errors.hpp>
#include <rondo/http/request.hpp>
#include <rondo/http/response.hpp>
#include <rondo/http/server_messages.hpp>

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <utility>

namespace rondo::http {

// The request with this body and its Content-Type. Throws nlohmann::json::type_error for text that
// is no UTF-8.
[[nodiscard]] inline request json_body(request r, const nlohmann::json& value) {
  r.json(value.dump());
  return r;
}

// The whole body. Throws as response::text(), and nlohmann::json::parse_error. `r` must stay until
// it has ended. Cancelled as response::text().
inline task<nlohmann::json> read_json(response& r) {
  const std::string text = co_await r.text();
  co_return nlohmann::json::parse(text);
}

// The whole body of a request, whatever its Content-Type says. Throws as server_request::text();
// body_error (malformed: 400) for what is no JSON, with the byte where that was seen. Cancelled as
// server_request::text().
inline task<nlohmann::json> read_json(server_request& r) {
  const std::string text = co_await r.text();
  std::optional<std::size_t> broken_at;
  try {
    co_return nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& e) {
    broken_at = e.byte;
  }
  r.refuse_body(body_error(body_error::reason::malformed,
                           "the body is no JSON at byte " + std::to_string(*broken_at)));
}

// Throws nlohmann::json::type_error for text that is no UTF-8.
[[nodiscard]] inline server_response json_response(const nlohmann::json& value, int status = 200) {
  return server_response::json(value.dump(), status);
}

}  // namespace rondo::http
