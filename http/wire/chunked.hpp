// The framing of a chunked body (RFC 9112, section 7.1): read up to its trailers, and written.
// Internal.
//
//     chunk = 1*HEXDIG *( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] ) CRLF
//             data CRLF
//
// Exactly that: white space stands around ";" and "=" (RFC 9110, section 5.6.3), and neither before
// a size nor at the end of its line, and no LF stands without its CR. The laxness others allow
// there is what request smuggling lives on. Chunks are framed here and nowhere else.
#pragma once

#include <rondo/http/headers.hpp>
#include <rondo/http/limits.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace rondo::http::detail {

class chunk_decoder {
 public:
  chunk_decoder(const parser_limits& limits, int answer_status) noexcept
      : max_extension_(limits.chunk_extension_bytes),
        max_body_(limits.body_bytes),
        answer_status_(answer_status) {}

  struct step {
    std::size_t consumed;   // from the front of the input
    std::string_view data;  // of the body; ends at input[consumed] when it is not empty
    bool last;              // the line of the last chunk has been read: trailers follow
  };
  // Reads up to the end of the next piece of data, of the input, or of the last chunk's line.
  // Throws protocol_error, or body_error when the body passes its limit.
  step next(std::string_view input);

  void reset() noexcept;

 private:
  enum class at : std::uint8_t {
    first_digit,     // a chunk begins
    digits,          // at least one digit was there
    extension_name,  // after ";": a token must come
    in_extension_name,
    after_name,       // after white space behind a name: "=" or ";" must come
    extension_value,  // after "=": a token or a quoted string must come
    in_extension_value,
    quoted,
    quoted_pair,  // after a backslash
    after_quoted,
    after_space,  // behind a size or a value: ";" must come
    size_lf,      // after the CR of the size line
    data,
    data_cr,  // all data seen
    data_lf,
  };

  void take_digit(char c);
  void count_extension_byte();
  void take_extension_byte(char c);
  void end_size_line();
  [[noreturn]] void fail(const char* what) const;

  std::size_t max_extension_;
  std::uint64_t max_body_;
  int answer_status_;
  at at_ = at::first_digit;
  int digit_count_ = 0;
  std::uint64_t left_ = 0;              // of this chunk
  std::uint64_t total_ = 0;             // of the body so far, this chunk included
  std::uint64_t extension_excess_ = 0;  // see parser_limits
};

// Append a chunk, which is not empty because an empty one would be the last; and the last one, with
// the trailers behind it.
void write_chunk(std::string& out, std::string_view data);
void write_last_chunk(std::string& out, const headers& trailers);

}  // namespace rondo::http::detail
