#include "http/selection_cases.hpp"

#include <array>

namespace rondo_test {
namespace {

constexpr std::string_view merges = "nginx sends each range where, and as, it was asked for";
constexpr std::string_view strict = "nginx reads a list, or a date, less strictly";
constexpr std::string_view first_field = "nginx takes the first of two Range fields";
constexpr std::string_view repeated = "nginx refuses a repeated condition";
constexpr std::string_view head = "nginx answers HEAD as it would GET";

constexpr auto cases = std::to_array<selection_case>({
    // --- nothing asked ---
    {"", 200},
    {"X-Other: 1", 200},
    // --- one range ---
    {"Range: bytes=0-0", 206, "0-0"},
    {"Range: bytes=0-9", 206, "0-9"},
    {"Range: bytes=10-19", 206, "10-19"},
    {"Range: bytes=999-999", 206, "999-999"},
    {"Range: bytes=0-998", 206, "0-998"},
    {"Range: bytes=0-999", 206, "0-999"},
    {"Range: bytes=0-1000", 206, "0-999"},
    {"Range: bytes=500-99999", 206, "500-999"},
    {"Range: bytes=500-99999999999999999999999999", 206, "500-999", 416, strict},
    {"Range: bytes=0-", 206, "0-999"},
    {"Range: bytes=1-", 206, "1-999"},
    {"Range: bytes=999-", 206, "999-999"},
    {"Range: bytes=-1", 206, "999-999"},
    {"Range: bytes=-10", 206, "990-999"},
    {"Range: bytes=-999", 206, "1-999"},
    {"Range: bytes=-1000", 206, "0-999"},
    {"Range: bytes=-1001", 206, "0-999"},
    {"Range: bytes=-99999999999999999999999999", 206, "0-999", 416, strict},
    {"Range: bytes=000-009", 206, "0-9"},
    {"Range: BYTES=0-9", 206, "0-9"},
    {"Range: Bytes=0-9", 206, "0-9"},
    {"range: bytes=0-9", 206, "0-9"},
    {"Range: bytes= 0-9", 206, "0-9"},
    {"Range: bytes=0-9 ", 206, "0-9"},
    {"Range: bytes=0-9,", 206, "0-9", 416, strict},
    {"Range: bytes=,0-9", 206, "0-9", 416, strict},
    {"Range: bytes=, ,0-9,  ,", 206, "0-9", 416, strict},
    // --- none that can be had ---
    {"Range: bytes=1000-", 416},
    {"Range: bytes=1000-1000", 416},
    {"Range: bytes=1001-2000", 416},
    {"Range: bytes=99999999999999999999999999-", 416},
    {"Range: bytes=18446744073709551615-18446744073709551615", 416},
    {"Range: bytes=-0", 416},
    {"Range: bytes=1000-,2000-", 416},
    {"Range: bytes=1000-1001,-0", 416},
    // --- what is no range: as if it were not there ---
    {"Range: bytes=", 200},
    {"Range: bytes=,", 200, "", 416, strict},
    {"Range: bytes", 200},
    {"Range: bytes 0-9", 200},
    {"Range: bytes:0-9", 200},
    {"Range: bytes =0-9", 200},
    {"Range: =0-9", 200},
    {"Range: 0-9", 200},
    {"Range: lines=0-9", 200},
    {"Range: bytesx=0-9", 200},
    {"Range: bytes=-", 200, "", 416, strict},
    {"Range: bytes=--1", 200, "", 416, strict},
    {"Range: bytes=9-0", 200, "", 416, strict},
    {"Range: bytes=1-0", 200, "", 416, strict},
    {"Range: bytes=a-b", 200, "", 416, strict},
    {"Range: bytes=0-9a", 200, "", 416, strict},
    {"Range: bytes=0x0-0x9", 200, "", 416, strict},
    {"Range: bytes=+0-9", 200, "", 416, strict},
    {"Range: bytes=0 -9", 200, "", 206, strict},
    {"Range: bytes=0- 9", 200, "", 206, strict},
    {"Range: bytes=0-9;q=1", 200, "", 416, strict},
    {"Range: bytes=0.5-9", 200, "", 416, strict},
    {"Range: bytes=0-9-10", 200, "", 416, strict},
    {"Range: bytes=5", 200, "", 416, strict},
    {"Range: bytes=0-9,x", 200, "", 416, strict},
    {"Range: bytes=0-9,9-0", 200, "", 206, strict},
    {"Range: bytes=0-9 10-19", 200, "", 416, strict},
    {"Range: bytes=0-9|Range: bytes=10-19", 200, "", 206, first_field},
    {"Range: bytes=0-9", 200, "", 206, head, "HEAD"},
    {"Range: bytes=5000-", 200, "", 416, head, "HEAD"},
    // --- several ---
    {"Range: bytes=0-9,20-29", 206, "0-9,20-29"},
    {"Range: bytes=0-9, 20-29", 206, "0-9,20-29"},
    {"Range: bytes=0-9\t,\t20-29", 206, "0-9,20-29", 416, strict},
    {"Range: bytes=0-0,-1", 206, "0-0,999-999"},
    {"Range: bytes=0-0,2-2,4-4", 206, "0-0,2-2,4-4"},
    {"Range: bytes=20-29,0-9", 206, "0-9,20-29", 206, merges},
    {"Range: bytes=-10,0-9,500-509", 206, "0-9,500-509,990-999", 206, merges},
    {"Range: bytes=0-9,1000-", 206, "0-9"},
    {"Range: bytes=1000-,0-9", 206, "0-9"},
    {"Range: bytes=0-9,-0", 206, "0-9"},
    {"Range: bytes=0-9,20-29,5000-", 206, "0-9,20-29"},
    // --- that overlap or touch ---
    {"Range: bytes=0-9,10-19", 206, "0-19", 206, merges},
    {"Range: bytes=0-9,5-14", 206, "0-14", 206, merges},
    {"Range: bytes=0-9,0-9", 206, "0-9", 206, merges},
    {"Range: bytes=5-14,0-9", 206, "0-14", 206, merges},
    {"Range: bytes=0-99,10-19", 206, "0-99", 206, merges},
    {"Range: bytes=10-19,0-99", 206, "0-99", 206, merges},
    {"Range: bytes=0-9,11-19", 206, "0-9,11-19"},
    {"Range: bytes=0-,0-,0-", 206, "0-999", 200, merges},
    {"Range: bytes=0-499,-500", 206, "0-999", 206, merges},
    {"Range: bytes=0-9,10-19,30-39,5-12", 206, "0-19,30-39", 206, merges},
    {"Range: bytes=0-0,1-1,2-2,3-3,4-4", 206, "0-4", 206, merges},
    // --- at most sixteen are left ---
    {"Range: bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18,20-20,22-22,24-24,26-26,28-28,"
     "30-30",
     206, "0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18,20-20,22-22,24-24,26-26,28-28,30-30"},
    {"Range: bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18,20-20,22-22,24-24,26-26,28-28,"
     "30-30,32-32",
     200, "", 206, "nginx has no limit of its own"},
    {"Range: bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18,20-20,22-22,24-24,26-26,28-28,"
     "30-30,1-1",
     206, "0-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18,20-20,22-22,24-24,26-26,28-28,30-30", 206,
     merges},
    // --- If-None-Match ---
    {"If-None-Match: $tag", 304},
    {"If-None-Match: W/$tag", 304},
    {"If-None-Match: \"other\"", 200},
    {"If-None-Match: W/\"other\"", 200},
    {"If-None-Match: \"other\", $tag", 304},
    {"If-None-Match: $tag, \"other\"", 304},
    {"If-None-Match: \"a\",\"b\",W/$tag", 304},
    {"If-None-Match: , ,\"a\" ,, $tag", 304},
    {"If-None-Match: \"a\"|If-None-Match: $tag", 304, "", 400, repeated},
    {"If-None-Match: *", 304},
    {"If-None-Match: $opaque", 200},
    {"If-None-Match: w/$tag", 200},
    {"If-None-Match: \"$opaque", 200},
    {"If-None-Match: \"a\" $tag", 200},
    {"If-None-Match: \"a, $tag, \"", 200, "", 304, strict},
    {"If-None-Match: \"\"", 200},
    {"If-None-Match: ", 200},
    {"If-None-Match: $tag", 304, "", 0, "", "HEAD"},
    {"If-None-Match: \"other\"", 200, "", 0, "", "HEAD"},
    {"If-None-Match: $tag|Range: bytes=0-9", 304},
    {"If-None-Match: \"other\"|Range: bytes=0-9", 206, "0-9"},
    // It counts and not the date beside it (section 13.1.3).
    {"If-None-Match: \"other\"|If-Modified-Since: $same", 200},
    {"If-None-Match: $tag|If-Modified-Since: $before", 304, "", 200,
     "nginx wants both to say that nothing has changed"},
    // --- If-Modified-Since ---
    {"If-Modified-Since: $same", 304},
    {"If-Modified-Since: $before", 200},
    {"If-Modified-Since: $after", 304, "", 200, "nginx compares for equality"},
    {"If-Modified-Since: yesterday", 200},
    {"If-Modified-Since: 0", 200},
    {"If-Modified-Since: ", 200},
    {"If-Modified-Since: $same|If-Modified-Since: $same", 200, "", 400, repeated},
    {"If-Modified-Since: $same", 304, "", 0, "", "HEAD"},
    {"If-Modified-Since: $same|Range: bytes=0-9", 304},
    {"If-Modified-Since: $before|Range: bytes=0-9", 206, "0-9"},
    // --- If-Match ---
    {"If-Match: $tag", 200},
    {"If-Match: *", 200},
    {"If-Match: \"other\"", 412},
    {"If-Match: W/$tag", 412},
    {"If-Match: \"other\", $tag", 200},
    {"If-Match: \"a\"|If-Match: $tag", 200, "", 400, repeated},
    {"If-Match: \"a\", \"b\"", 412},
    {"If-Match: $opaque", 412},
    {"If-Match: *, $tag", 412, "", 200, strict},
    {"If-Match: $tag|Range: bytes=0-9", 206, "0-9"},
    {"If-Match: \"other\"|Range: bytes=0-9", 412},
    {"If-Match: \"other\"", 412, "", 0, "", "HEAD"},
    // --- If-Unmodified-Since ---
    {"If-Unmodified-Since: $same", 200},
    {"If-Unmodified-Since: $after", 200},
    {"If-Unmodified-Since: $before", 412},
    {"If-Unmodified-Since: nonsense", 200, "", 412, strict},
    {"If-Unmodified-Since: $before|If-Unmodified-Since: $before", 200, "", 400, repeated},
    {"If-Unmodified-Since: $before|Range: bytes=0-9", 412},
    {"If-Unmodified-Since: $same|Range: bytes=0-9", 206, "0-9"},
    // --- one before the other (section 13.2.2) ---
    {"If-Match: $tag|If-Unmodified-Since: $before", 200, "", 412, "nginx wants both"},
    {"If-Match: \"other\"|If-Unmodified-Since: $same", 412},
    {"If-Match: $tag|If-None-Match: $tag", 304},
    {"If-Match: \"other\"|If-None-Match: $tag", 412},
    {"If-Match: $tag|If-None-Match: \"other\"", 200},
    {"If-Match: $tag|If-Modified-Since: $same", 304},
    {"If-Unmodified-Since: $before|If-None-Match: $tag", 412},
    {"If-Unmodified-Since: $same|If-Modified-Since: $same", 304},
    {"If-Unmodified-Since: $before|If-Modified-Since: $same", 412},
    // --- If-Range ---
    {"Range: bytes=0-9|If-Range: $tag", 206, "0-9"},
    {"Range: bytes=0-9|If-Range: \"other\"", 200},
    {"Range: bytes=0-9|If-Range: W/$tag", 200},
    {"Range: bytes=0-9|If-Range: W/\"other\"", 200},
    {"Range: bytes=0-9|If-Range: $same", 206, "0-9"},
    {"Range: bytes=0-9|If-Range: $before", 200},
    {"Range: bytes=0-9|If-Range: $after", 200},
    {"Range: bytes=0-9|If-Range: $opaque", 200},
    {"Range: bytes=0-9|If-Range: $tag, \"other\"", 200},
    {"Range: bytes=0-9|If-Range: *", 200},
    {"Range: bytes=0-9|If-Range: ", 200},
    {"Range: bytes=0-9|If-Range: $tag|If-Range: $tag", 200, "", 400, repeated},
    {"If-Range: \"other\"", 200},
    {"Range: bytes=5000-|If-Range: $tag", 416},
    {"Range: bytes=5000-|If-Range: \"other\"", 200},
    {"Range: nonsense|If-Range: $tag", 200},
    {"Range: bytes=0-9|If-Range: $tag|If-None-Match: $tag", 304},
    {"Range: bytes=0-9|If-Range: \"other\"|If-Match: $tag", 200},
    {"Range: bytes=0-9,20-29|If-Range: $tag", 206, "0-9,20-29"},
});
static_assert(cases.size() >= 120);

}  // namespace

std::span<const selection_case> selection_cases() { return cases; }

std::string filled_in(std::string_view text, std::string_view opaque, std::string_view same,
                      std::string_view before, std::string_view after) {
  std::string out(text);
  const auto put = [&out](std::string_view what, const std::string& value) {
    for (std::size_t at = 0; (at = out.find(what, at)) != std::string::npos; at += value.size())
      out.replace(at, what.size(), value);
  };
  put("$tag", '"' + std::string(opaque) + '"');
  put("$opaque", std::string(opaque));
  put("$same", std::string(same));
  put("$before", std::string(before));
  put("$after", std::string(after));
  return out;
}

}  // namespace rondo_test
