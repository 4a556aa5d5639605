#include <rondo/http/message.hpp>
#include <rondo/http/wire/ascii.hpp>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace rondo::http {
namespace {

constexpr detail::byte_class visible_bytes = [] {
  detail::byte_class out{};
  for (std::size_t c = 0x21; c < 0x7f; ++c) out[c] = true;
  return out;
}();

struct phrase {
  int status;
  std::string_view text;
};

constexpr std::array<phrase, 47> phrases{{
    {100, "Continue"},
    {101, "Switching Protocols"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
}};

void append_fields(std::string& out, const headers& fields) {
  out += fields.wire();
  out += "\r\n";
}

}  // namespace

namespace {

void check_request_line(std::string_view method, std::string_view target) {
  if (!detail::is_token(method)) throw std::invalid_argument("the method is no token");
  if (target.empty()) throw std::invalid_argument("the request target is empty");
  const std::size_t bad = detail::skip(visible_bytes, target);
  if (bad != target.size()) {
    throw std::invalid_argument(
        "the request target holds a space, a control or a byte beyond "
        "ASCII at offset " +
        std::to_string(bad));
  }
}

void write_request_line(std::string& out, std::string_view method, std::string_view target,
                        version v) {
  out += method;
  out += ' ';
  out += target;
  out += ' ';
  out += to_string(v);
  out += "\r\n";
}

}  // namespace

void write_head(std::string& out, const request_head& head) {
  check_request_line(head.method, head.target);
  // One growth at most, so that running out of memory leaves `out` alone too.
  out.reserve(out.size() + head.method.size() + head.target.size() + head.headers.wire().size() +
              14);
  write_request_line(out, head.method, head.target, head.version);
  append_fields(out, head.headers);
}

void write_request_line(std::string& out, std::string_view method, std::string_view target) {
  check_request_line(method, target);
  out.reserve(out.size() + method.size() + target.size() + 12);
  write_request_line(out, method, target, version::http_1_1);
}

namespace {

void write_status_line(std::string& out, version v, int status, std::string_view reason) {
  out += to_string(v);
  out += ' ';
  out += static_cast<char>('0' + status / 100);
  out += static_cast<char>('0' + status / 10 % 10);
  out += static_cast<char>('0' + status % 10);
  out += ' ';
  out += reason;
  out += "\r\n";
}

void check_status(int status) {
  if (status < 100 || status > 999) {
    throw std::invalid_argument("the status " + std::to_string(status) +
                                " is not within 100 and 999");
  }
}

}  // namespace

void write_head(std::string& out, const response_head& head) {
  check_status(head.status);
  const std::size_t bad = detail::skip_text(head.reason, 0);
  if (bad != head.reason.size()) {
    throw std::invalid_argument("the reason phrase holds a control byte at offset " +
                                std::to_string(bad));
  }
  const std::string_view reason =
      head.reason.empty() ? reason_phrase(head.status) : std::string_view(head.reason);
  out.reserve(out.size() + reason.size() + head.headers.wire().size() + 17);
  write_status_line(out, head.version, head.status, reason);
  append_fields(out, head.headers);
}

void write_status_line(std::string& out, int status) {
  check_status(status);
  write_status_line(out, version::http_1_1, status, reason_phrase(status));
}

std::string_view reason_phrase(int status) noexcept {
  const auto* found =
      std::lower_bound(phrases.begin(), phrases.end(), status,
                       [](const phrase& p, int wanted) { return p.status < wanted; });
  return found != phrases.end() && found->status == status ? found->text : std::string_view();
}

}  // namespace rondo::http
