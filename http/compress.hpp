// Middleware: bodies compressed by gzip (RFC 1952) for clients that accept it.
//
//   s.use(http::compress());
//   s.use(http::compress().level(1).at_least(4096));
//
// A body is compressed when the request's Accept-Encoding takes gzip at least as gladly as nothing,
// when it is text, JSON, XML, SVG, JavaScript or WebAssembly, not coded yet, not a part (206), at
// least so large or of unknown size, and Cache-Control does not say no-transform. Such answers say
// Vary: Accept-Encoding, compressed or not; a strong ETag becomes a weak one, because the bytes are
// others; Accept-Ranges goes. A streamed body is compressed piece by piece while it is sent, which
// takes 284 KB a response; one that flushes its pieces (server_response::flush_pieces) is flushed
// for each. Event streams are left alone.
//
// What is secret must not be compressed together with what an attacker chooses: from the length of
// the answer he could guess the secret byte by byte (BREACH). Leave this link off routes that do,
// or say no-transform there.
//
// Rondo built without zlib compresses nothing: compress::is_built_in.
#pragma once

#include <rondo/http/middleware.hpp>
#include <rondo/runtime/core/amount.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace rondo::http {

class compress {
 public:
  // From 1, quick, to 9, small. 6. Throws std::invalid_argument.
  compress& level(int n);
  // The size from which a body that is at hand, or whose size is known, is compressed. 1 KiB.
  compress& at_least(rondo::detail::amount bytes) noexcept {
    least_ = bytes;
    return *this;
  }

  task<server_response> operator()(server_request& r, next& rest) const;

  static const bool is_built_in;

 private:
  int level_ = 6;
  std::size_t least_ = 1024;
};

// `bytes` in the coding "gzip" or "deflate". Throws std::invalid_argument for another, and when
// Rondo was built without zlib; std::bad_alloc.
[[nodiscard]] std::string compressed(std::string_view bytes, std::string_view coding = "gzip");

}  // namespace rondo::http
