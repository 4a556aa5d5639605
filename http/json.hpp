// JSON bodies by nlohmann-json, for programs that have it: Rondo itself needs it not, and includes
// this nowhere.
//
//   co_await c.send(http::json_body(http::request("POST", url), {{"name", "x"}}));
//   nlohmann::json j = co_await http::read_json(response);
#pragma once

#include <rondo/http/request.hpp>
#include <rondo/http/response.hpp>

#include <nlohmann/json.hpp>

#include <utility>

namespace rondo::http {

// The request with this body and its Content-Type. Throws nlohmann::json::type_error for text that
// is no UTF-8.
[[nodiscard]] inline request json_body(request r, const nlohmann::json& value) {
  r.json(value.dump());
  return r;
}

// The whole body. Throws as response::text(), and nlohmann::json::parse_error. `r` must stay until
// it has ended.
inline task<nlohmann::json> read_json(response& r) {
  const std::string text = co_await r.text();
  co_return nlohmann::json::parse(text);
}

}  // namespace rondo::http
