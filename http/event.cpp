#include <rondo/http/event.hpp>

#include <algorithm>
#include <stdexcept>

namespace rondo::http {
namespace {

// Calls fn for each line of a text: CR, LF and CRLF end one, and a text without any is one.
template <class Fn>
void for_each_line(std::string_view text, Fn fn) {
  for (;;) {
    const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
    fn(text.substr(0, end));
    if (end == text.size()) return;
    const bool both = text.substr(end).starts_with("\r\n");
    text.remove_prefix(end + (both ? 2 : 1));
  }
}

void refuse_line_ends(std::string_view what, std::string_view text) {
  if (text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos) return;
  throw std::invalid_argument("an event's " + std::string(what) +
                              " holds a line end or a NUL, which would end it");
}

}  // namespace

event& event::data(std::string_view text) & { return lines("data", text); }

event& event::id(std::string_view text) & {
  refuse_line_ends("id", text);
  return field("id", text);
}

event& event::type(std::string_view text) & {
  refuse_line_ends("type", text);
  return field("event", text);
}

event& event::comment(std::string_view text) & { return lines("", text); }

event& event::retry_ms(rondo::detail::nanoseconds d) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
  return field("retry", std::to_string(std::max<decltype(ms)>(ms, 0)));
}

event& event::lines(std::string_view name, std::string_view text) {
  const std::size_t before = text_.size();
  try {
    for_each_line(text, [&](std::string_view line) { field(name, line); });
  } catch (...) {
    text_.resize(before);
    throw;
  }
  return *this;
}

// A space after the colon, which the reader takes off: so a value keeps one of its own.
event& event::field(std::string_view name, std::string_view value) {
  text_.reserve(text_.size() + name.size() + value.size() + 3);
  text_.append(name).append(": ").append(value).append("\n");
  return *this;
}

}  // namespace rondo::http
