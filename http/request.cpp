#include <rondo/http/client/auth.hpp>
#include <rondo/http/client/digest.hpp>
#include <rondo/http/request.hpp>
#include <rondo/http/wire/ascii.hpp>
#include <rondo/http/wire/framing.hpp>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace rondo::http {
namespace {

std::string checked_method(std::string_view method) {
  if (!detail::is_token(method))
    throw std::invalid_argument("the request method is not a token (RFC 9110, section 9.1)");
  return std::string(method);
}

// cookie-octet, RFC 6265, section 4.1.1.
bool is_cookie_byte(char c) {
  return c > 0x20 && c < 0x7f && c != '"' && c != ',' && c != ';' && c != '\\';
}

}  // namespace

request::request(std::string_view method, std::string_view url)
    : request(method, http::url::parse(url)) {}

request::request(std::string_view method, http::url url)
    : method_(checked_method(method)), url_(std::move(url)) {}

detail::settings& request::own() {
  if (!own_) own_ = std::make_unique<detail::settings>();
  return *own_;
}

void request::check_field(std::string_view name, std::string_view value) {
  static constexpr std::array<std::string_view, 8> own{
      "host",   "content-length", "transfer-encoding", "connection",
      "expect", "keep-alive",     "proxy-connection",  "upgrade"};
  for (const std::string_view n : own)
    if (detail::iequals(name, n))
      throw std::invalid_argument("the field " + std::string(n) + " is set by the client itself");
  // Of the transfer codings, chunked alone is read.
  if (detail::iequals(name, "te") && !detail::iequals(value, "trailers"))
    throw std::invalid_argument("the field te may only be \"trailers\"");
}

request& request::host(std::string_view name) & {
  if (name.empty() || !detail::is_host(name))
    throw std::invalid_argument("\"" + std::string(name) + "\" is no host (RFC 9110, section 7.2)");
  host_ = name;
  return *this;
}

request& request::header(std::string_view name, std::string_view value) & {
  check_field(name, value);
  headers_.set(name, value);
  return *this;
}

request& request::query(std::string_view name, std::string_view value) & {
  url_ = url_.with_query(name, value);
  return *this;
}

request& request::cookie(std::string_view name, std::string_view value) & {
  if (!detail::is_token(name))
    throw std::invalid_argument("the name of a cookie is not a token (RFC 6265, section 4.1.1)");
  if (!std::ranges::all_of(value, is_cookie_byte))
    throw std::invalid_argument("the value of the cookie " + std::string(name) +
                                " holds a byte that it may not");
  std::string more = cookies_.empty() ? std::string() : cookies_ + "; ";
  more += name;
  more += '=';
  more += value;
  cookies_ = std::move(more);
  return *this;
}

request& request::basic_auth(std::string_view username, std::string_view password) & {
  return header("Authorization", detail::basic_authorization(username, password));
}

request& request::bearer_auth(std::string_view token) & {
  return header("Authorization", detail::bearer_authorization(token));
}

request& request::digest_auth(std::string_view username, std::string_view password) & {
  detail::credentials c = detail::digest_credentials(username, password);
  own().digest = std::move(c);
  return *this;
}

request& request::trace(std::shared_ptr<tracer> t) & {
  own().trace = std::move(t);
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

request& request::form(const form_fields& fields) & {
  std::string text = form_text(fields);
  headers_.set("Content-Type", "application/x-www-form-urlencoded");
  return body(std::move(text));
}

request& request::multipart(http::multipart parts) & {
  const std::uint64_t size = parts.size();
  const std::string type = parts.content_type();
  std::unique_ptr<body_factory> made = std::move(parts).body();
  headers_.set("Content-Type", type);
  return body(std::move(made), size);
}

request& request::file(std::string path) & {
  const std::uint64_t size = http::file_size(path);
  return body(file_body(std::move(path)), size);
}

request& request::body(std::unique_ptr<body_source> source, std::optional<std::uint64_t> size) & {
  if (!source) throw std::invalid_argument("request::body was given no source");
  body_ = stream_body{std::move(source), nullptr, size};
  return *this;
}

request& request::body(std::unique_ptr<body_factory> factory, std::optional<std::uint64_t> size) & {
  if (!factory) throw std::invalid_argument("request::body was given no factory");
  body_ = stream_body{nullptr, std::move(factory), size};
  return *this;
}

request& request::expect_continue(bool on) & {
  own().expect_continue = on;
  return *this;
}

request& request::follow(int redirects) & {
  if (redirects < 0) throw std::invalid_argument("request::follow must not be negative");
  own().redirects = redirects;
  return *this;
}

request& request::insecure_redirects(bool on) & {
  own().insecure_redirects = on;
  return *this;
}

request& request::max_body(std::uint64_t bytes) & {
  own().max_body = bytes;
  return *this;
}

request& request::max_decoded(std::uint64_t bytes) & {
  own().max_decoded = bytes;
  return *this;
}

request& request::decode(bool on) & {
  own().decode = on;
  return *this;
}

request& request::raise_for_status(bool on) & {
  own().raise = on;
  return *this;
}

}  // namespace rondo::http
