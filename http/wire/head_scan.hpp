// The strict scan of a message's head (RFC 9112, sections 2 to 5), byte by byte. Internal.
//
// The scan is a function of the bytes alone: it takes each byte once, in order, and may stop after
// any of them, so that the verdict cannot depend on how the bytes were split on their way. It is
// handed the head from its first byte each time and remembers where it stopped; where the bytes
// are kept is the caller's business and may change between calls.
//
// Taken:    CRLF line ends; tokens for methods and names; VCHAR, SP, HTAB and bytes beyond ASCII
//           in values; HTTP/1.0 and HTTP/1.1.
// Refused:  bare CR, bare LF, NUL and other controls, spaces around a name, empty names, several
//           spaces in a request line, other versions, folded lines in requests and trailers, and
//           anything past a limit.
#pragma once

#include <rondo/http/limits.hpp>
#include <rondo/http/message.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rondo::http::detail {

enum class scan_kind : std::uint8_t { request, response, trailers };

class head_scan {
 public:
  head_scan(scan_kind kind, const parser_limits& limits);

  // `head` begins at the first byte of the head and is at least as long as the last time. Returns
  // the head's length, its empty line included, once that has been seen. Throws protocol_error.
  // After either of these only reset() may follow.
  std::optional<std::size_t> scan(std::string_view head);

  // What has been read; to be moved from after scan() has returned a length.
  std::string method;  // request
  std::string target;  // request
  std::string reason;  // response
  int status = 0;      // response
  http::version version = http::version::http_1_1;
  http::headers fields;
  // The value of some field went over several lines; the line breaks are single spaces in `fields`.
  bool folded = false;

  // Ready for the next head, or for the trailers of this one.
  void reset(scan_kind kind);
  [[nodiscard]] scan_kind kind() const noexcept { return kind_; }
  [[nodiscard]] const parser_limits& limits() const noexcept { return limits_; }
  // How many bytes were looked at in all, for the test that says what a slow peer costs.
  [[nodiscard]] std::uint64_t work() const noexcept { return work_; }

 private:
  enum class place : std::uint8_t { start_line, field_line };

  void begin_line(char first);
  void end_line(std::string_view line);
  void request_line(std::string_view line);
  void status_line(std::string_view line);
  void field_line(std::string_view line);
  [[nodiscard]] http::version parse_version(std::string_view text) const;
  [[noreturn]] void line_too_long(std::string_view line) const;
  [[noreturn]] void head_too_long() const;
  [[noreturn]] void fail(std::string_view what, int answer_status = 400) const;

  parser_limits limits_;
  std::size_t max_bytes_ = 0;       // of the whole
  std::size_t max_start_line_ = 0;  // without its CRLF
  scan_kind kind_;
  bool of_response_;  // also when kind_ is trailers
  place place_ = place::start_line;
  bool after_cr_ = false;
  bool continues_ = false;  // the current line is a folded one
  std::size_t pos_ = 0;
  std::size_t line_begin_ = 0;
  std::size_t field_begin_ = 0;  // the line where the current field's name stands
  std::size_t line_number_ = 1;
  std::uint64_t work_ = 0;
};

}  // namespace rondo::http::detail
