#include <rondo/http/percent.hpp>
#include <rondo/http/wire/ascii.hpp>

namespace rondo::http {
namespace {

using detail::byte_class;
using detail::hex_value;
using detail::with;

constexpr byte_class controls_and_above_ascii = [] {
  byte_class out{};
  for (std::size_t c = 0; c < 256; ++c) out[c] = c < 0x20 || c > 0x7e;
  return out;
}();
constexpr byte_class fragment_set = with(controls_and_above_ascii, " \"<>`");
constexpr byte_class query_set = with(controls_and_above_ascii, " \"#<>");
constexpr byte_class special_query_set = with(query_set, "'");
constexpr byte_class path_set = with(query_set, "?^`{}");
constexpr byte_class userinfo_set = with(path_set, "/:;=@[\\]|");
constexpr byte_class component_set = with(userinfo_set, "$&+,'%");

constexpr const byte_class& bytes_of(encode_set set) {
  switch (set) {
    case encode_set::fragment: return fragment_set;
    case encode_set::query: return query_set;
    case encode_set::special_query: return special_query_set;
    case encode_set::path: return path_set;
    case encode_set::userinfo: return userinfo_set;
    case encode_set::component: return component_set;
  }
  return component_set;
}

}  // namespace

void detail::append_encoded(std::string& out, std::string_view bytes, encode_set set) {
  const byte_class& encoded = bytes_of(set);
  constexpr char digits[] = "0123456789ABCDEF";
  for (char c : bytes) {
    if (!contains(encoded, c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
}

std::string percent_encode(std::string_view bytes, encode_set set) {
  std::string out;
  out.reserve(bytes.size());
  detail::append_encoded(out, bytes, set);
  return out;
}

std::string percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 &&
        hex_value(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace rondo::http
