// The head of a message, and what it says about the body. It is read strictly: what two readers
// could read differently is refused.
//
//   head h = parse_head("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
//   framing_of(h).length == 5
#pragma once

#include <algorithm>
#include <charconv>
#include <map>
#include <string>
#include <string_view>

namespace tour {

struct bad_message {
  const char* why;
};

// begin head
struct head {
  std::string first_line;
  std::multimap<std::string, std::string> fields;  // the names in small letters
};

// `text`: to the empty line, and with it. Throws bad_message.
inline head parse_head(std::string_view text) {
  head h;
  for (std::size_t end = 0; (end = text.find("\r\n")) > 0; text.remove_prefix(end + 2)) {
    const std::string_view line = text.substr(0, end);
    if (line.find_first_of(std::string_view("\r\n\0", 3)) != line.npos)
      throw bad_message{"an end of line that is none"};
    if (h.first_line.empty()) {
      h.first_line = line;
      continue;
    }
    const std::size_t colon = line.find(':');
    std::string name(line.substr(0, colon));
    if (colon == line.npos || name.empty() || name.find_first_of(" \t") != name.npos)
      throw bad_message{"a field without a name"};
    std::string_view value = line.substr(colon + 1);
    value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
    value = value.substr(0, value.find_last_not_of(" \t") + 1);
    std::ranges::transform(name, name.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
    h.fields.emplace(std::move(name), value);
  }
  return h;
}
// end head

// begin framing
struct framing {
  bool chunked = false;
  std::size_t length = 0;
};

inline std::size_t number_of(std::string_view digits, int base) {
  std::size_t n = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), n, base);
  if (error != std::errc() || end != digits.data() + digits.size())
    throw bad_message{"a length that is no number"};
  return n;
}

// What the body of this message is. Throws bad_message when two readers could disagree.
inline framing framing_of(const head& h) {
  const auto length = h.fields.find("content-length"), coding = h.fields.find("transfer-encoding"),
             none = h.fields.end();
  if (length != none && coding != none) throw bad_message{"a length and chunks"};
  if (h.fields.count("content-length") > 1) throw bad_message{"two lengths"};
  if (coding != none && (coding->second != "chunked" || h.fields.count("transfer-encoding") > 1))
    throw bad_message{"a coding that we do not know"};
  return {coding != none, length == none ? 0 : number_of(length->second, 10)};
}
// end framing

}  // namespace tour
