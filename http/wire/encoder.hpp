// A content coding, put on a body step by step. Internal; compress.hpp is what is used.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace rondo::http::detail {

// What must have left the encoder when a step ends.
enum class flush : std::uint8_t {
  none,    // whatever it likes
  pieces,  // all that was given: a decoder gives it back
  end,     // the end of the coding: no step follows
};

class encoder {
 public:
  encoder() = default;
  encoder(const encoder&) = delete;
  encoder& operator=(const encoder&) = delete;
  virtual ~encoder() = default;
  // Appends to `out`. Throws std::bad_alloc.
  virtual void run(std::string_view in, std::string& out, flush how) = 0;
};

// 268 KB each. `level` from 1, quick, to 9, small. Null when Rondo was built without zlib.
std::unique_ptr<encoder> make_gzip_encoder(int level);
std::unique_ptr<encoder> make_deflate_encoder(int level);  // with zlib's header (RFC 9110, 8.4.1.2)

}  // namespace rondo::http::detail
