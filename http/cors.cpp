#include <rondo/http/cors.hpp>
#include <rondo/http/errors.hpp>
#include <rondo/http/url.hpp>
#include <rondo/http/wire/ascii.hpp>

#include <algorithm>
#include <stdexcept>

namespace rondo::http {
namespace {

void add_name(std::string& list, std::string_view name) {
  if (!detail::is_token(name))
    throw std::invalid_argument("what is no token cannot be in a list of CORS: \"" +
                                std::string(name) + '"');
  if (!list.empty()) list += ", ";
  list += name;
}

// What a client asks for, to be given back: a list of tokens, or nothing.
std::string_view echo(const server_request& r, std::string_view field) {
  const std::string_view asked = r.headers().get(field).value_or("");
  const bool is_list = std::ranges::all_of(asked, [](char c) {
    return detail::contains(detail::token_bytes, c) || c == ',' || c == ' ';
  });
  return is_list ? asked : std::string_view();
}

void vary_by(server_response& answer, std::string_view name) {
  if (!answer.headers().has_token("Vary", name) && !answer.headers().has_token("Vary", "*"))
    answer.add_header("Vary", name);
}

}  // namespace

cors& cors::origin(std::string_view text) {
  if (text != "null") {
    std::string normal;
    try {
      normal = url::parse(text).origin();
    } catch (const url_error&) {
      normal.clear();
    }
    if (normal.empty() || normal != text)
      throw std::invalid_argument("no browser sends such an origin: \"" + std::string(text) + '"');
  }
  origins_.emplace_back(text);
  return *this;
}

cors& cors::any_origin() {
  if (credentials_)
    throw std::invalid_argument("credentials for any origin would let every site act as the user");
  any_ = true;
  return *this;
}

cors& cors::credentials(bool on) {
  if (on && any_)
    throw std::invalid_argument("credentials for any origin would let every site act as the user");
  credentials_ = on;
  return *this;
}

cors& cors::method(std::string_view name) {
  add_name(methods_, name);
  return *this;
}

cors& cors::request_field(std::string_view name) {
  add_name(request_fields_, name);
  return *this;
}

cors& cors::expose(std::string_view name) {
  add_name(exposed_, name);
  return *this;
}

std::string_view cors::allowed_origin(const server_request& r) const {
  if (r.headers().count("Origin") != 1) return {};
  const std::string_view asks = *r.headers().get("Origin");
  return any_ || std::ranges::find(origins_, asks) != origins_.end() ? asks : std::string_view();
}

void cors::let_read(server_response& answer, std::string_view origin) const {
  if (any_) {
    answer.header("Access-Control-Allow-Origin", "*");
    return;
  }
  // Also on what another origin gets: a cache must not give it to this one.
  vary_by(answer, "Origin");
  if (origin.empty()) return;
  answer.header("Access-Control-Allow-Origin", origin);
  if (credentials_) answer.header("Access-Control-Allow-Credentials", "true");
}

server_response cors::preflight(const server_request& r, std::string_view origin) const {
  server_response answer(204);
  let_read(answer, origin);
  const auto allow = [&](std::string_view field, const std::string& said, std::string_view asked) {
    if (!said.empty()) {
      answer.header(field, said);
      return;
    }
    if (const std::string_view list = echo(r, asked); !list.empty()) answer.header(field, list);
    vary_by(answer, asked);
  };
  allow("Access-Control-Allow-Methods", methods_, "Access-Control-Request-Method");
  allow("Access-Control-Allow-Headers", request_fields_, "Access-Control-Request-Headers");
  answer.header("Access-Control-Max-Age", std::to_string(max_age_.count()));
  return answer;
}

task<server_response> cors::operator()(server_request& r, next& rest) const {
  const std::string_view origin = allowed_origin(r);
  if (!origin.empty() && r.method() == "OPTIONS" &&
      r.headers().contains("Access-Control-Request-Method"))
    co_return preflight(r, origin);
  server_response answer = co_await rest(r);
  let_read(answer, origin);
  if (!exposed_.empty() && (any_ || !origin.empty()))
    answer.header("Access-Control-Expose-Headers", exposed_);
  co_return answer;
}

}  // namespace rondo::http
