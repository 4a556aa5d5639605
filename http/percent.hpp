// Percent-encoding: any bytes within a URL (RFC 3986, section 2.1).
//
//   std::string segment = http::percent_encode("a b/c");   // "a%20b%2Fc"
//   std::string text = http::percent_decode(segment);
#pragma once

#include <rondo/version.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace rondo::http {

// Which bytes are percent-encoded (WHATWG URL, section 1.3). Each set holds the controls and all
// that is not ASCII; they are ordered from the smallest to the largest.
enum class encode_set : std::uint8_t {
  fragment,
  query,
  special_query,  // the query of an http or ws URL
  path,           // a whole path: "/" stays
  userinfo,
  component,  // one path segment, one query name or value: what encodeURIComponent encodes and '
};

// The bytes that are in `set` as "%" and two hexadecimal digits.
[[nodiscard]] std::string percent_encode(std::string_view bytes,
                                         encode_set set = encode_set::component);
// Every "%" with two hexadecimal digits after it becomes one byte; any other "%" stays. The result
// may hold any byte, NUL included.
[[nodiscard]] std::string percent_decode(std::string_view text);

namespace detail {

// As percent_encode, to the end of `out`.
void append_encoded(std::string& out, std::string_view bytes, encode_set set);

}  // namespace detail
}  // namespace rondo::http
