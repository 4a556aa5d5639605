#include <rondo/http/server/response_head.hpp>
#include <rondo/http/wire/ascii.hpp>
#include <rondo/http/wire/http_date.hpp>
#include <rondo/runtime/loop.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string_view>

namespace rondo::http::detail {
namespace {

// RFC 9110, sections 15.3.5, 15.3.6 and 15.4.5.
bool may_have_body(int status) noexcept { return status != 204 && status != 205 && status != 304; }

// The fields that the server writes itself.
bool is_own(std::string_view name) noexcept {
  switch (name.size()) {
    case 4: return iequals(name, "Date");
    case 10: return iequals(name, "Connection");
    case 14: return iequals(name, "Content-Length");
    case 17: return iequals(name, "Transfer-Encoding");
    default: return false;
  }
}

// What a field that is a number says; nullopt for anything else.
std::optional<std::uint64_t> number(std::string_view text) noexcept {
  std::uint64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return n;
}

}  // namespace

server_response failed(int status) {
  return server_response::text(std::string(status == 500   ? "the handler failed"
                                           : status == 504 ? "a server behind this one is silent"
                                                           : "a server behind this one failed") +
                                   '\n',
                               status);
}

void check_response(server_response& response, bool head_only) {
  const auto report = [](const std::string& what) {
    rondo::detail::report_unhandled(
        std::make_exception_ptr(std::logic_error("a handler's response " + what)));
  };
  const int status = response.status_;
  if (status < 200 || status > 999) {
    report("has the status " + std::to_string(status));
    response = failed(500);
    return;
  }
  if (!may_have_body(status)) {
    if (response.source_ || !response.body_.empty())
      report("has a body, which a response of status " + std::to_string(status) + " cannot have");
    response.source_.reset();
    response.size_.reset();
    response.body_.clear();
    return;
  }
  for (const auto& [name, value] : response.headers_) {
    if (!iequals(name, "Content-Length")) continue;
    const std::optional<std::uint64_t> said = number(value);
    const bool open = response.source_ ? !response.size_ : head_only && response.body_.empty();
    if (said && open && !response.size_) response.size_ = said;
    if (said && said == response.size_.value_or(response.body_.size())) continue;
    report("has a Content-Length that is not its body's");
    response = failed(500);
    return;
  }
}

void write_response_head(std::string& text, const server_response& response, bool chunked,
                         std::string_view kept) {
  static constexpr std::size_t usual_bytes = 224;  // of what is added here
  const std::size_t needed = usual_bytes + response.headers_.wire().size() + response.body_.size();
  if (text.capacity() - text.size() < needed)
    text.reserve(std::max(text.size() + needed, text.capacity() * 2));
  write_status_line(text, response.status_);
  const auto put = [&text](std::string_view name, std::string_view value) {
    text.append(name).append(": ").append(value).append("\r\n");
  };
  bool upgrade = false;
  for (const auto& [name, value] : response.headers_) {
    if (!is_own(name)) put(name, value);
    if (name.size() == 7 && iequals(name, "Upgrade")) [[unlikely]]
      upgrade = true;
  }
  // RFC 9110, section 7.8: whoever sends Upgrade says so in Connection.
  if (upgrade) put("Connection", "upgrade");
  if (response.status_ == 101) {
    text += "\r\n";
    return;
  }
  put("Date", http_date_now());
  if (chunked) {
    put("Transfer-Encoding", "chunked");
  } else if (response.status_ != 204 && response.status_ != 304 &&
             (!response.source_ || response.size_)) {
    std::array<char, 20> size{};
    const auto end = std::to_chars(size.data(), size.data() + size.size(),
                                   response.size_.value_or(response.body_.size()));
    put("Content-Length", {size.data(), end.ptr});
  }
  if (kept.empty())
    put("Connection", "close");
  else
    text += kept;
  text += "\r\n";
}

}  // namespace rondo::http::detail
