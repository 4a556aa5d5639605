// What a peer may make a parser hold. Each bound is inclusive: that much is taken, one more is an
// error that says which status a server answers.
#pragma once

#include <rondo/version.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>

namespace rondo::http {

// What a peer may make a parser hold.
struct parser_limits {
  std::size_t head_bytes = 64 * 1024;    // start line, fields and line ends together: 431
  std::size_t fields = 128;              // in the head, and again in the trailers: 431
  std::size_t line_bytes = 8 * 1024;     // one field from its name to its value's end: 431
  std::size_t target_bytes = 8 * 1024;   // the target of a request: 414
  std::size_t trailer_bytes = 8 * 1024;  // the trailers of a chunked body: 431
  // Chunk extensions carry nothing we use. What they hold beyond the bytes of their chunks may add
  // up to this over a message: 400.
  std::size_t chunk_extension_bytes = 8 * 1024;
  std::uint64_t body_bytes = std::numeric_limits<std::uint64_t>::max();  // 413

  // Take a response that says Content-Length more than once with the same digits, as RFC 9112,
  // section 6.3, lets a user agent do. Requests never.
  bool repeated_content_length = false;
};

}  // namespace rondo::http
