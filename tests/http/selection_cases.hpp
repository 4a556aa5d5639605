// What a request gets of a file of 1,000 bytes, by RFC 9110, sections 13 and 14: one table, asked
// of the functions, of a server's files, and of nginx.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace rondo_test {

// In the fields $tag stands for the file's entity tag, $opaque for what is between its quotes;
// $same, $before and $after for dates: its Last-Modified, and a second to either side.
struct selection_case {
  std::string_view fields;  // of the request, parted by "|"
  int status;
  std::string_view parts = "";  // of a 206: "0-9,20-29"
  // Where nginx 1.22 does otherwise: its status, and why.
  int nginx = 0;
  std::string_view why = "";
  std::string_view method = "GET";
};

inline constexpr int file_size = 1000;

std::span<const selection_case> selection_cases();

// The text with what stands for tags and dates put in.
std::string filled_in(std::string_view text, std::string_view opaque, std::string_view same,
                      std::string_view before, std::string_view after);

}  // namespace rondo_test
