#include <rondo/http/errors.hpp>

#include <utility>

namespace rondo::http {
namespace {

constexpr std::size_t max_shown_url_bytes = 512;

// Where the authority may begin: after a scheme's colon and any slashes. URL parsers take
// backslashes for slashes, and do without them after a special scheme.
std::size_t after_scheme(std::string_view url) noexcept {
  std::size_t i = 0;
  while (i < url.size() && url[i] != ':' && url[i] != '/' && url[i] != '\\' && url[i] != '@') ++i;
  if (i == url.size() || url[i] != ':') i = 0;  // no scheme
  if (i < url.size() && url[i] == ':') ++i;
  while (i < url.size() && (url[i] == '/' || url[i] == '\\')) ++i;
  return i;
}

std::string hide(std::string_view url, std::size_t from, std::size_t at) {
  std::string out(url.substr(0, from));
  out += "***";
  out += url.substr(at);
  return out;
}

// For texts that could not be parsed nobody can say where the userinfo ends: everything before the
// last "@" is hidden.
std::string redact_all_before_at(std::string_view text) {
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos) return std::string(text);
  // "user:secret@host" has a colon too, so a scheme is believed only when slashes follow it.
  const std::size_t colon = text.find("://");
  const std::size_t from = colon == std::string_view::npos || colon + 3 > at ? 0 : colon + 3;
  return hide(text, from, at);
}

// Error texts end up in logs and terminals: no control bytes, and an end.
std::string printable(std::string text) {
  if (text.size() > max_shown_url_bytes) {
    text.resize(max_shown_url_bytes);
    text += "...";
  }
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text;
}

std::string sentence(std::string_view first, std::string_view detail) {
  std::string out(first);
  if (!detail.empty()) {
    out += ": ";
    out += detail;
  }
  return out;
}

}  // namespace

std::string_view to_string(phase p) noexcept {
  switch (p) {
    case phase::none: return "none";
    case phase::url: return "url";
    case phase::pool: return "pool";
    case phase::resolve: return "resolve";
    case phase::connect: return "connect";
    case phase::proxy: return "proxy";
    case phase::tls: return "tls";
    case phase::write: return "write";
    case phase::first_byte: return "first byte";
    case phase::read: return "read";
    case phase::body: return "body";
    case phase::redirect: return "redirect";
    case phase::total: return "total";
  }
  return "unknown";
}

std::string redact_userinfo(std::string_view url) {
  const std::size_t from = after_scheme(url);
  const std::string_view authority = url.substr(from, url.find_first_of("/\\?#", from) - from);
  const std::size_t at = authority.rfind('@');
  if (at == std::string_view::npos) return std::string(url);
  return hide(url, from, from + at);
}

struct error::context {
  std::string message;
  std::string url;
  std::string what;
};

error::error(const std::string& message, http::phase p, std::string_view url) : phase_(p) {
  describe(message, printable(redact_userinfo(url)));
}

void error::describe(std::string message, std::string redacted_url) {
  auto next = std::make_shared<context>();
  next->what = message;
  if (phase_ != http::phase::none || !redacted_url.empty()) {
    next->what += " (";
    if (phase_ != http::phase::none) {
      next->what += "phase ";
      next->what += to_string(phase_);
      if (!redacted_url.empty()) next->what += ", ";
    }
    next->what += redacted_url;
    next->what += ')';
  }
  next->message = std::move(message);
  next->url = std::move(redacted_url);
  context_ = std::move(next);
}

const char* error::what() const noexcept { return context_->what.c_str(); }

std::string_view error::message() const noexcept { return context_->message; }

std::string_view error::url() const noexcept { return context_->url; }

void error::add_context(std::string_view url, http::phase p) {
  if (phase_ == http::phase::none) phase_ = p;
  describe(context_->message,
           context_->url.empty() ? printable(redact_userinfo(url)) : context_->url);
}

connect_error::connect_error(std::error_code code, std::string_view detail, http::phase p)
    : error(sentence(sentence("cannot connect", detail), code ? code.message() : ""), p),
      code_(code) {}

tls_error::tls_error(const std::string& message, std::error_code code)
    : error(message, http::phase::tls), code_(code) {}

timeout_error::timeout_error(http::phase p, std::string_view detail)
    : error(sentence("the time allowed for phase \"" + std::string(to_string(p)) + "\" ran out",
                     detail),
            p) {}

protocol_error::protocol_error(const std::string& message, int answer_status)
    : error(message), answer_status_(answer_status) {}

body_error::body_error(reason why, const std::string& message)
    : error(message, http::phase::body), why_(why) {}

int body_error::answer_status() const noexcept {
  switch (why_) {
    case reason::too_large: return 413;
    case reason::bad_coding:
    case reason::unsupported: return 415;
    case reason::truncated:
    case reason::not_repeatable:
    case reason::malformed: return 400;
  }
  return 400;
}

too_many_redirects::too_many_redirects(int limit)
    : error("more than " + std::to_string(limit) + " redirects", http::phase::redirect),
      limit_(limit) {}

status_error::status_error(int status, std::string_view reason)
    : error(sentence("the server answered " + std::to_string(status), reason)), status_(status) {}

url_error::url_error(const std::string& message, std::string_view text, std::size_t position)
    : error(message + ", at byte " + std::to_string(position), http::phase::url,
            printable(redact_all_before_at(text))),
      position_(position) {}

}  // namespace rondo::http
