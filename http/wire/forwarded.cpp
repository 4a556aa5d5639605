#include <rondo/http/wire/ascii.hpp>
#include <rondo/http/wire/forwarded.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <system_error>
#include <utility>

namespace rondo::http::detail {
namespace {

// A port, or a hidden one, which is 0; nullopt for what is neither (RFC 7239, section 6).
std::optional<std::uint16_t> read_node_port(std::string_view text) noexcept {
  if (text.size() > 1 && text.front() == '_') return std::uint16_t{0};
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

// What is left of a Forwarded field's value.
class forwarded_text {
 public:
  explicit forwarded_text(std::string_view value) noexcept : rest_(value) {}

  bool at_end() noexcept {
    skip_space();
    return rest_.empty();
  }
  bool take(char c) noexcept {
    skip_space();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // A token, then at once "=", then a token or a quoted string without its quotes; false when it is
  // not that.
  bool take_pair(std::string& name, std::string& value) {
    skip_space();
    const std::size_t end = skip(token_bytes, rest_, 0);
    if (end == 0 || end == rest_.size() || rest_[end] != '=') return false;
    name = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    value.clear();
    if (rest_.starts_with('"')) return take_quoted(value);
    const std::size_t size = skip(token_bytes, rest_, 0);
    value = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return size > 0;
  }

 private:
  void skip_space() noexcept {
    while (!rest_.empty() && is_ows(rest_.front())) rest_.remove_prefix(1);
  }
  bool take_quoted(std::string& value) {
    for (std::size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] == '"') {
        rest_.remove_prefix(i + 1);
        return true;
      }
      if (rest_[i] == '\\' && ++i == rest_.size()) return false;
      value += rest_[i];
    }
    return false;
  }

  std::string_view rest_;
};

}  // namespace

std::optional<net::endpoint> read_forwarded_node(std::string_view text) noexcept {
  std::string_view host = text;
  std::string_view port;
  const bool bracketed = text.starts_with('[');
  if (bracketed) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    host = text.substr(1, end - 1);
    port = text.substr(end + 1);
  } else if (std::ranges::count(text, ':') == 1) {
    host = text.substr(0, text.find(':'));
    port = text.substr(host.size());
  }
  net::address a;
  if (host.find('%') != std::string_view::npos || !net::address::try_parse(host, a) ||
      (bracketed && a.is_v4()))
    return std::nullopt;
  if (port.empty()) return net::endpoint(a, 0);
  const auto n = port.front() == ':' ? read_node_port(port.substr(1)) : std::nullopt;
  if (!n) return std::nullopt;
  return net::endpoint(a, *n);
}

forwarded_nodes read_forwarded(std::string_view value) {
  forwarded_nodes all;
  forwarded_text text(value);
  std::string name;
  std::string said;
  while (!text.at_end()) {
    if (text.take(',')) continue;  // empty elements (RFC 9110, section 5.6.1.2)
    std::optional<net::endpoint> node;
    bool has_node = false;
    do {
      if (!text.take_pair(name, said)) return {};
      if (!iequals(name, "for")) continue;
      if (std::exchange(has_node, true)) return {};  // twice
      node = read_forwarded_node(said);
    } while (text.take(';'));
    all.push_back(std::move(node));
    if (!text.at_end() && !text.take(',')) return {};
  }
  return all;
}

forwarded_nodes read_x_forwarded_for(std::string_view value) {
  forwarded_nodes all;
  for (;;) {
    const std::size_t end = std::min(value.find(','), value.size());
    const std::string_view entry = trim_ows(value.substr(0, end));
    if (!entry.empty()) all.push_back(read_forwarded_node(entry));
    if (end == value.size()) return all;
    value.remove_prefix(end + 1);
  }
}

}  // namespace rondo::http::detail
