// A multipart body (RFC 2046, section 5.1) taken apart as it comes, whatever pieces it comes in. It
// knows form-data's heads (RFC 7578), and does no I/O. Internal; multipart_reader.hpp is what is
// used.
//
//     multipart_scan scan("the boundary", limits);
//     for (;;) {
//       switch (scan.next()) {
//         case multipart_event::need_more: scan.give(piece); break;   // or finish() at its end
//         case multipart_event::part: use(scan.part()); break;
//         case multipart_event::data: use(scan.data()); break;        // until the next call
//         case multipart_event::part_end: break;
//         case multipart_event::end: return;
//       }
//     }
//
// What is held is one piece and a boundary's length; each byte is looked at a bounded number of
// times, however often it looks like the beginning of a boundary.
#pragma once

#include <rondo/http/headers.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace rondo::http {

// What a client may make a reader of multipart/form-data hold, and do. Each bound is inclusive; one
// more is a body_error (too_large: 413).
struct multipart_limits {
  std::size_t parts = 1000;
  std::size_t head_bytes = 8 * 1024;              // of one part's head
  std::size_t head_fields = 16;                   // in it
  std::uint64_t part_bytes = 64 * 1024 * 1024;    // of one part's content
  std::uint64_t text_bytes = 1024 * 1024;         // of a part that is read as a whole
  std::uint64_t total_bytes = 256 * 1024 * 1024;  // of the whole body
};

namespace detail {

enum class multipart_event : std::uint8_t { need_more, part, data, part_end, end };

struct multipart_head {
  http::headers fields;
  std::string name;
  std::optional<std::string> filename;  // its last segment
  std::string type = "text/plain";      // RFC 7578, section 4.4
};

class multipart_scan {
 public:
  // Throws body_error (malformed) for a boundary that cannot be: RFC 2046 allows 1 to 70 bytes.
  multipart_scan(std::string_view boundary, const multipart_limits& limits);

  // Adds what came next. need_more was the last event.
  void give(std::span<const std::byte> piece);
  // Throws body_error: malformed; too_large past a limit.
  multipart_event next();
  // All has been given. Throws body_error (malformed) when the last boundary has not come.
  void finish() const;

  const multipart_head& part() const noexcept { return part_; }
  std::string_view data() const noexcept { return data_; }

 private:
  enum class at : std::uint8_t { before, behind_boundary, head, content, done };

  std::string_view unread() const noexcept { return std::string_view(held_).substr(first_); }
  void read_head(std::string_view text);
  void read_disposition(std::string_view field);

  multipart_limits limits_;
  std::string delimiter_;      // CRLF "--" boundary
  std::string held_ = "\r\n";  // so that the first boundary is one like the others
  std::size_t first_ = 0;      // of what has not been read
  std::size_t searched_ = 0;   // from there: no head ends before
  std::uint64_t total_ = 0;
  std::uint64_t part_size_ = 0;
  std::size_t parts_ = 0;
  multipart_head part_;
  std::string_view data_;
  at at_ = at::before;
};

// The boundary that a Content-Type of multipart/form-data names. Throws body_error: unsupported for
// another type, malformed without a boundary.
[[nodiscard]] std::string multipart_boundary(std::string_view content_type);

}  // namespace detail
}  // namespace rondo::http
