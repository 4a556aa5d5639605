// JSON as text, an object a line: what the inspect socket says.
//
//   std::string out;
//   json_object(out).text("name", "a \"b\"").number("size", 3);   // {"name":"a \"b\"","size":3}\n
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace rondo::detail {

// Bytes that are no UTF-8 stay as they are: names are the program's.
inline void append_json_text(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      constexpr const char* digits = "0123456789abcdef";
      out += "\\u00";
      out += digits[c >> 4];
      out += digits[c & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

// Written when it goes. One of them at a time writes to a text.
class json_object {
 public:
  // `line`: it stands on a line of its own.
  explicit json_object(std::string& out, bool line = true) : out_(out), line_(line) { out_ += '{'; }
  json_object(const json_object&) = delete;
  json_object& operator=(const json_object&) = delete;
  ~json_object() { end(); }
  // Before it goes.
  void end() {
    if (std::exchange(ended_, true)) return;
    out_ += '}';
    if (line_) out_ += '\n';
  }

  json_object& text(std::string_view name, std::string_view value) {
    append_json_text(key(name), value);
    return *this;
  }
  template <std::integral N>
  json_object& number(std::string_view name, N value) {
    key(name) += std::to_string(value);
    return *this;
  }
  json_object& yes(std::string_view name) {
    key(name) += "true";
    return *this;
  }
  // What follows is its value, for the caller to write.
  std::string& key(std::string_view name) {
    if (more_) out_ += ',';
    more_ = true;
    append_json_text(out_, name);
    out_ += ':';
    return out_;
  }

 private:
  std::string& out_;
  bool line_;
  bool more_ = false;
  bool ended_ = false;
};

}  // namespace rondo::detail
