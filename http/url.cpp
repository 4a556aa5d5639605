#include <rondo/http/errors.hpp>
#include <rondo/http/url.hpp>
#include <rondo/http/wire/ascii.hpp>
#include <rondo/http/wire/host.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace rondo::http {
namespace {

using detail::append_encoded;
using detail::byte_class;
using detail::contains;
using detail::hex_value;
using detail::with;

constexpr std::size_t max_url_bytes = 1 << 20;
// Encoding makes three bytes of one. The offsets in a url are 32 bits wide.
constexpr std::size_t max_href_bytes = 4 * max_url_bytes;

struct scheme_info {
  std::string_view name;
  std::uint16_t port;
};
constexpr std::array<scheme_info, 4> schemes{
    {{"http", 80}, {"https", 443}, {"ws", 80}, {"wss", 443}}};

std::uint16_t default_port(std::string_view scheme) {
  for (const scheme_info& s : schemes) {
    if (s.name == scheme) return s.port;
  }
  return 0;
}

constexpr byte_class scheme_bytes = [] {
  byte_class out{};
  for (int c = 0; c < 128; ++c) {
    const char byte = static_cast<char>(c);
    out[static_cast<std::size_t>(c)] = detail::is_alpha(byte) || detail::is_digit(byte);
  }
  return with(out, "+-.");
}();
// What does not end the authority, or a segment of the path.
constexpr byte_class within_segment = [] {
  byte_class out{};
  for (bool& b : out) b = true;
  for (char c : std::string_view("/\\?#")) out[static_cast<unsigned char>(c)] = false;
  return out;
}();

constexpr bool is_slash(char c) { return c == '/' || c == '\\'; }
constexpr bool is_tab_or_newline(char c) { return c == '\t' || c == '\n' || c == '\r'; }

// "." and "..", where each dot may be written %2e.
std::size_t dots_in(std::string_view segment) {
  std::size_t dots = 0;
  while (!segment.empty()) {
    if (segment[0] == '.') {
      segment.remove_prefix(1);
    } else if (segment.size() >= 3 && detail::iequals(segment.substr(0, 3), "%2e")) {
      segment.remove_prefix(3);
    } else {
      return 0;
    }
    if (++dots > 2) return 0;
  }
  return dots;
}

}  // namespace

// The basic URL parser (WHATWG URL, section 4.4), for the four special schemes that are spoken
// here. The standard's state machine walks one code point at a time and steps back; with only
// special schemes its states follow one another, and each is a function over a range.
class url_parser {
 public:
  url_parser(std::string_view text, const url* base) : given_(text), in_(text), base_(base) {
    if (text.size() > max_url_bytes) fail("the URL is longer than 1 MiB", max_url_bytes);
    while (!in_.empty() && static_cast<unsigned char>(in_.front()) <= 0x20) in_.remove_prefix(1);
    while (!in_.empty() && static_cast<unsigned char>(in_.back()) <= 0x20) in_.remove_suffix(1);
    stripped_ = static_cast<std::size_t>(in_.data() - given_.data());
    if (std::ranges::none_of(in_, is_tab_or_newline)) return;
    for (char c : in_) {
      if (!is_tab_or_newline(c)) cleaned_ += c;
    }
    in_ = cleaned_;
  }

  url run() {
    const std::string_view scheme = read_scheme();
    if (scheme.empty()) {
      if (base_ == nullptr) fail("the scheme is missing (http, https, ws and wss are known)", 0);
      relative(base_->scheme());
    } else if (base_ != nullptr && scheme == base_->scheme() &&
               !(rest().size() >= 2 && rest().starts_with("//"))) {
      relative(scheme);  // "http:path" within an http document
    } else {
      while (!at_end() && is_slash(in_[pos_])) ++pos_;
      absolute(scheme);
    }
    query_and_fragment();
    return std::move(out_);
  }

 private:
  [[noreturn]] void fail(const std::string& message, std::size_t pos) const {
    // Offsets are told in the text as it was given, tabs and newlines counted.
    std::size_t at = stripped_;
    if (!cleaned_.empty()) {
      for (std::size_t seen = 0; at < given_.size(); ++at) {
        if (is_tab_or_newline(given_[at])) continue;
        if (seen++ == pos) break;
      }
    } else {
      at += pos;
    }
    throw url_error(message, given_, at);
  }

  [[nodiscard]] bool at_end() const { return pos_ >= in_.size(); }
  [[nodiscard]] std::string_view rest() const { return in_.substr(pos_); }
  [[nodiscard]] std::uint32_t here() const { return static_cast<std::uint32_t>(out_.text_.size()); }

  // The scheme in lower case, with pos_ after its colon; empty when there is none.
  std::string_view read_scheme() {
    if (in_.empty() || !detail::is_alpha(in_[0])) return {};
    const std::size_t end = detail::skip(scheme_bytes, in_);
    if (end == in_.size() || in_[end] != ':') return {};
    const std::string_view given = in_.substr(0, end);
    for (const scheme_info& s : schemes) {
      if (!detail::iequals(s.name, given)) continue;
      pos_ = end + 1;
      return s.name;
    }
    std::string name(given.substr(0, 16));
    std::ranges::transform(name, name.begin(), detail::to_lower);
    if (given.size() > name.size()) name += "...";
    fail("the scheme '" + name + "' is not one of http, https, ws and wss", 0);
  }

  void begin(std::string_view scheme) {
    out_.text_.reserve(in_.size() + 16 + (base_ != nullptr ? base_->href().size() : 0));
    out_.text_ += scheme;
    out_.scheme_end_ = here();
    out_.text_ += "://";
  }

  void absolute(std::string_view scheme) {
    begin(scheme);
    const std::size_t end = detail::skip(within_segment, in_, pos_);
    authority(in_.substr(pos_, end - pos_));
    pos_ = end;
    if (!at_end() && is_slash(in_[pos_])) ++pos_;
    path();
  }

  void authority(std::string_view text) {
    const std::size_t start = pos_;
    std::size_t host_offset = 0;
    const std::size_t at = text.rfind('@');
    out_.username_end_ = here();
    if (at != std::string_view::npos) {
      userinfo(text.substr(0, at));
      host_offset = at + 1;
    }
    out_.host_begin_ = here();
    const std::string_view host_and_port = text.substr(host_offset);

    // A colon within brackets belongs to the address.
    std::size_t colon = 0;
    for (bool bracketed = false; colon < host_and_port.size(); ++colon) {
      const char c = host_and_port[colon];
      if (c == '[') bracketed = true;
      if (c == ']') bracketed = false;
      if (c == ':' && !bracketed) break;
    }
    const std::string_view host = host_and_port.substr(0, colon);
    if (host.empty()) fail("the host is empty", start + host_offset);
    const detail::host_result parsed = detail::parse_host(host);
    if (parsed.problem != nullptr) fail(parsed.problem, start + host_offset);
    out_.text_ += parsed.host;
    out_.host_end_ = here();
    if (colon < host_and_port.size()) {
      port(host_and_port.substr(colon + 1), start + host_offset + colon + 1);
    }
    out_.path_begin_ = here();
  }

  void userinfo(std::string_view text) {
    const std::size_t colon = text.find(':');
    append_encoded(out_.text_, text.substr(0, colon), encode_set::userinfo);
    out_.username_end_ = here();
    if (colon != std::string_view::npos && colon + 1 < text.size()) {
      out_.text_ += ':';
      append_encoded(out_.text_, text.substr(colon + 1), encode_set::userinfo);
    }
    if (here() > out_.scheme_end_ + 3) out_.text_ += '@';
  }

  void port(std::string_view digits, std::size_t offset) {
    if (digits.empty()) return;  // "http://a:/" has the scheme's own port
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < digits.size(); ++i) {
      if (!detail::is_digit(digits[i])) fail("the port is not a number", offset + i);
      value = value * 10 + static_cast<std::uint32_t>(digits[i] - '0');
      if (value > 65535) fail("the port is above 65535", offset);
    }
    if (value == default_port(out_.scheme())) return;
    out_.text_ += ':';
    out_.text_ += std::to_string(value);
  }

  // No authority of its own: all that is not given is the base's.
  void relative(std::string_view scheme) {
    if (rest().size() >= 2 && is_slash(in_[pos_]) && is_slash(in_[pos_ + 1])) {
      while (!at_end() && is_slash(in_[pos_])) ++pos_;
      absolute(scheme);
      return;
    }
    begin(scheme);
    out_.text_ += base_->slice(base_->scheme_end_ + 3, base_->path_begin_);
    out_.username_end_ = base_->username_end_;
    out_.host_begin_ = base_->host_begin_;
    out_.host_end_ = base_->host_end_;
    out_.path_begin_ = base_->path_begin_;
    if (!at_end() && is_slash(in_[pos_])) {
      ++pos_;
      path();
      return;
    }
    out_.text_ += base_->path();
    if (at_end() || in_[pos_] == '#') {
      out_.path_end_ = here();
      out_.text_ += base_->slice(base_->path_end_, base_->query_end_);
    } else if (in_[pos_] == '?') {
      out_.path_end_ = here();
    } else {
      shorten();
      path();
    }
  }

  // Removes the last segment and the slash before it.
  void shorten() {
    const std::size_t slash = out_.text_.rfind('/');
    if (slash != std::string::npos && slash >= out_.path_begin_) out_.text_.resize(slash);
  }

  // Appends "/segment" for each segment up to "?" or "#"; pos_ stands after the slash before the
  // first. The text always gets at least one slash.
  void path() {
    while (true) {
      const std::size_t end = detail::skip(within_segment, in_, pos_);
      const std::string_view segment = in_.substr(pos_, end - pos_);
      const bool last = end == in_.size() || !is_slash(in_[end]);
      const std::size_t dots = dots_in(segment);
      if (dots == 2) shorten();
      if (dots == 0 || last) {
        out_.text_ += '/';
        if (dots == 0) append_encoded(out_.text_, segment, encode_set::path);
      }
      pos_ = end;
      if (last) break;
      ++pos_;
    }
    out_.path_end_ = here();
  }

  void query_and_fragment() {
    if (!at_end() && in_[pos_] == '?') {
      const std::size_t end = std::min(in_.find('#', pos_), in_.size());
      out_.text_ += '?';
      append_encoded(out_.text_, in_.substr(pos_ + 1, end - pos_ - 1), encode_set::special_query);
      pos_ = end;
    }
    out_.query_end_ = here();
    if (!at_end()) {
      out_.text_ += '#';
      append_encoded(out_.text_, in_.substr(pos_ + 1), encode_set::fragment);
    }
    if (out_.text_.size() > max_href_bytes) fail("the URL is too long", 0);
  }

  std::string_view given_;
  std::string_view in_;  // without what the standard strips
  std::string cleaned_;  // owns in_ when there was a tab or newline within
  std::size_t stripped_ = 0;
  const url* base_;
  std::size_t pos_ = 0;
  url out_;
};

url url::parse(std::string_view text) { return url_parser(text, nullptr).run(); }

url url::parse(std::string_view text, const url& base) { return url_parser(text, &base).run(); }

std::string_view url::password() const {
  if (!has_credentials() || text_[username_end_] != ':') return {};
  return slice(username_end_ + 1, host_begin_ - 1);
}

std::string_view url::hostname() const {
  std::string_view h = host();
  if (h.starts_with('[')) h = h.substr(1, h.size() - 2);
  return h;
}

std::optional<std::uint16_t> url::explicit_port() const {
  if (host_end_ == path_begin_) return std::nullopt;
  std::uint32_t value = 0;
  for (char c : slice(host_end_ + 1, path_begin_)) {
    value = value * 10 + static_cast<std::uint32_t>(c - '0');
  }
  return static_cast<std::uint16_t>(value);
}

std::uint16_t url::port() const { return explicit_port().value_or(default_port(scheme())); }

std::optional<std::string_view> url::query() const {
  if (path_end_ == query_end_) return std::nullopt;
  return slice(path_end_ + 1, query_end_);
}

std::optional<std::string_view> url::fragment() const {
  if (query_end_ == text_.size()) return std::nullopt;
  return slice(query_end_ + 1, text_.size());
}

std::string url::origin() const {
  std::string out(slice(0, scheme_end_ + 3));
  out += host_header();
  return out;
}

std::string url::redacted() const { return redact_userinfo(text_); }

url url::with_query(std::string_view name, std::string_view value) const {
  std::string added;
  added += query() ? (query()->empty() ? "" : "&") : "?";
  append_encoded(added, name, encode_set::component);
  added += '=';
  append_encoded(added, value, encode_set::component);
  if (text_.size() + added.size() > max_href_bytes) {
    throw url_error("the URL is too long", text_, query_end_);
  }
  url out = *this;
  out.text_.insert(query_end_, added);
  out.query_end_ += static_cast<std::uint32_t>(added.size());
  return out;
}

url url::with_fragment(std::string_view fragment) const {
  url out = without_fragment();
  out.text_ += '#';
  append_encoded(out.text_, fragment, encode_set::fragment);
  return out;
}

url url::without_fragment() const {
  url out = *this;
  out.text_.resize(query_end_);
  return out;
}

url url::without_credentials() const {
  url out = *this;
  const std::uint32_t begin = scheme_end_ + 3;
  const std::uint32_t cut = host_begin_ - begin;
  out.text_.erase(begin, cut);
  out.username_end_ = begin;
  out.host_begin_ -= cut;
  out.host_end_ -= cut;
  out.path_begin_ -= cut;
  out.path_end_ -= cut;
  out.query_end_ -= cut;
  return out;
}

}  // namespace rondo::http
