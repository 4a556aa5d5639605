// Ranges of a representation (RFC 9110, section 14), and the bodies that carry several of them.
// Pure functions. Internal.
//
//   const range_choice c = choose_ranges("bytes=0-99,500-", 1000);   // two parts
//   c.parts[1].first == 500, c.parts[1].size == 500
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rondo::http::detail {

struct byte_range {
  std::uint64_t first = 0;
  std::uint64_t size = 0;  // never 0
  bool operator==(const byte_range&) const = default;
};

// More parts than this in one answer are a burden that nobody needs: the whole is sent.
inline constexpr std::size_t most_ranges = 16;

struct range_choice {
  enum class kind : std::uint8_t {
    whole,          // 200: the field is absent, of another unit, not well-formed, or asks too much
    parts,          // 206
    unsatisfiable,  // 416
  };
  kind what = kind::whole;
  std::vector<byte_range> parts;  // ascending, apart from each other
};

// What a Range field asks of a representation of `size` bytes. Ranges that overlap or touch become
// one. All of an empty representation is sent, whatever is asked of it. Takes n log n for n ranges.
[[nodiscard]] range_choice choose_ranges(std::string_view field, std::uint64_t size);

// "bytes 0-99/1000"
[[nodiscard]] std::string content_range(const byte_range& part, std::uint64_t size);
// "bytes */1000", of a 416
[[nodiscard]] std::string unsatisfied_range(std::uint64_t size);

// A multipart/byteranges body (RFC 9110, section 14.6): heads[i], the bytes of the i-th part, …,
// tail.
struct multipart_ranges {
  std::vector<std::string> heads;
  std::string tail;
  std::string content_type;
  std::uint64_t size = 0;  // of the whole body
};
// `boundary` must not occur in the parts; `type` is the representation's own, or empty.
[[nodiscard]] multipart_ranges frame_ranges(const std::vector<byte_range>& parts,
                                            std::uint64_t size, std::string_view type,
                                            std::string_view boundary);

}  // namespace rondo::http::detail
