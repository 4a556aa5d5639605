// One content coding, taken off a step at a time. Internal; decode.hpp is what is used.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace rondo::http::detail {

class decoder {
 public:
  struct step {
    std::size_t consumed = 0;
    std::size_t produced = 0;
  };

  decoder() = default;
  decoder(const decoder&) = delete;
  decoder& operator=(const decoder&) = delete;
  virtual ~decoder() = default;

  // Decodes from `in` to `out` until one of them is used up. Throws body_error (bad_coding), also
  // for bytes that follow the end.
  virtual step run(std::span<const std::byte> in, std::span<std::byte> out) = 0;
  // What came so far is whole.
  [[nodiscard]] virtual bool ended() const noexcept = 0;
};

[[noreturn]] void bad_coding(const char* coding, const std::string& what);

// What each library takes. Those that Rondo was built without are not there.
std::unique_ptr<decoder> make_gzip_decoder();
std::unique_ptr<decoder> make_deflate_decoder();  // with zlib's header or raw: senders differ
std::unique_ptr<decoder> make_brotli_decoder();   // windows up to 16 MiB (RFC 7932)
std::unique_ptr<decoder> make_zstd_decoder();     // windows up to 8 MiB (RFC 9659)

}  // namespace rondo::http::detail
