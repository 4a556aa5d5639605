#include <rondo/http/ascii.hpp>
#include <rondo/http/request.hpp>

#include <array>
#include <stdexcept>

namespace rondo::http {
namespace {

std::string checked_method(std::string_view method) {
  if (!detail::is_token(method))
    throw std::invalid_argument("the request method is not a token (RFC 9110, section 9.1)");
  return std::string(method);
}

}  // namespace

request::request(std::string_view method, std::string_view url)
    : request(method, http::url::parse(url)) {}

request::request(std::string_view method, http::url url)
    : method_(checked_method(method)), url_(std::move(url)) {}

request& request::header(std::string_view name, std::string_view value) & {
  static constexpr std::array<std::string_view, 4> own{"host", "content-length",
                                                       "transfer-encoding", "connection"};
  for (const std::string_view n : own)
    if (detail::iequals(name, n))
      throw std::invalid_argument("the field " + std::string(n) + " is set by the client itself");
  headers_.set(name, value);
  return *this;
}

request& request::query(std::string_view name, std::string_view value) & {
  url_ = url_.with_query(name, value);
  return *this;
}

request& request::body(std::string bytes) & {
  body_ = std::move(bytes);
  return *this;
}

request& request::json(std::string text) & {
  headers_.set("Content-Type", "application/json");
  return body(std::move(text));
}

request& request::body(std::unique_ptr<body_source> source, std::optional<std::uint64_t> size) & {
  if (!source) throw std::invalid_argument("request::body was given no source");
  body_ = stream_body{std::move(source), size};
  return *this;
}

}  // namespace rondo::http
