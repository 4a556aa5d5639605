#include <rondo/http/hop_by_hop.hpp>
#include <rondo/http/http2/head.hpp>
#include <rondo/http/wire/ascii.hpp>
#include <rondo/http/wire/framing.hpp>

#include <charconv>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace rondo::http::detail {
namespace {

bool is_path_of(std::string_view path) noexcept {
  for (const char c : path)
    if (c <= 0x20 || c >= 0x7f || c == '#') return false;
  return !path.empty();
}

// The several Cookie fields that HPACK likes, as one.
void join_cookies(http::headers& fields) {
  if (fields.count("cookie") < 2) return;
  std::string all;
  for (const std::string_view one : fields.get_all("cookie")) {
    if (!all.empty()) all += "; ";
    all += one;
  }
  fields.set("cookie", all);
}

// Those of a connection of HTTP/1.1, which a message of HTTP/2 must not have.
bool is_of_a_connection(std::string_view name, std::string_view value) noexcept {
  switch (name.size()) {
    case 2: return iequals(name, "TE") && !iequals(value, "trailers");
    case 4: return iequals(name, "Host");
    case 7: return iequals(name, "Upgrade");
    case 10: return iequals(name, "Connection") || iequals(name, "Keep-Alive");
    case 14: return iequals(name, "HTTP2-Settings");
    case 16: return iequals(name, "Proxy-Connection");
    case 17: return iequals(name, "Transfer-Encoding");
    default: return false;
  }
}

}  // namespace

const char* http2_head::problem_of_request() {
  if (!is_token(method)) return "a method that is no token";
  const std::size_t hosts = fields.count("host");
  if (hosts > 1) return "several Host fields";
  if (hosts == 1) {
    const std::string_view host = *fields.get("host");
    if (authority.empty())
      authority = host;
    else if (!iequals(authority, host))
      return "a Host field that is not the authority";
    fields.remove("host");
  }
  if (authority.empty() || authority.starts_with(':') || !is_host(authority))
    return "an authority that names no host";
  if (method == "CONNECT" && protocol.empty()) return nullptr;
  if (!iequals(scheme, "http") && !iequals(scheme, "https"))
    return "another scheme than http and https";
  const bool whole_server = path == "*" && method == "OPTIONS";
  if (!whole_server && (!path.starts_with('/') || !is_path_of(path))) return "a path that is none";
  if (!protocol.empty()) {  // libnghttp2 takes it with CONNECT alone
    if (!is_token(protocol)) return "a protocol that is no token";
    if (fields.contains("content-length")) return "a length, of what has no body";
  }
  join_cookies(fields);
  return nullptr;
}

request_head http2_head::take_request() && {
  request_head r;
  r.version = http::version::http_2;
  r.method = std::move(method);
  r.target = path.empty() ? authority : std::move(path);
  r.headers = std::move(fields);
  r.headers.set("Host", authority);
  if (!protocol.empty()) {
    r.method = "GET";
    r.headers.set("Connection", "Upgrade");
    r.headers.set("Upgrade", protocol);
  }
  return r;
}

response_head http2_head::take_response() && {
  response_head r;
  r.version = http::version::http_2;
  r.status = status;
  r.headers = std::move(fields);
  return r;
}

void http2_fields(http::headers& out, const http::headers& fields) {
  out.clear();
  const bool names_some = fields.contains("Connection");
  for (const auto& [name, value] : fields)
    if (!is_of_a_connection(name, value) && !(names_some && fields.has_token("Connection", name)))
      headers_access::append_lower(out, name, value);
}

http::headers http2_fields(const http::headers& fields) {
  http::headers out;
  headers_access::reserve(out, fields.wire().size(), fields.size());
  http2_fields(out, fields);
  return out;
}

http2_head http2_request_head(const request_head& r, std::string_view scheme) {
  http2_head h;
  h.method = r.method;
  if (!is_token(h.method)) throw std::invalid_argument("the method is no token");
  if (r.method == "CONNECT") {
    h.authority = r.target;
  } else {
    if (r.target != "*" && (!r.target.starts_with('/') || !is_path_of(r.target)))
      throw std::invalid_argument("the request target is no path");
    h.scheme = scheme;
    h.path = r.target;
    h.authority = r.headers.get("Host").value_or(std::string_view());
  }
  h.fields = http2_fields(r.headers);
  return h;
}

http2_head http2_response_head(int status, const http::headers& fields) {
  http2_head h;
  h.status = status;
  h.fields = http2_fields(fields);
  return h;
}

std::optional<std::uint64_t> content_length_of(const http::headers& fields) noexcept {
  const std::optional<std::string_view> text = fields.get("content-length");
  std::uint64_t n = 0;
  if (!text) return std::nullopt;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), n);
  if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return n;
}

}  // namespace rondo::http::detail
