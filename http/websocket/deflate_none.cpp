// Built without zlib: no WebSocket is ever compressed.
#include <rondo/http/websocket/deflate.hpp>

namespace rondo::http::detail {

struct deflate_codec::deflater {};
struct deflate_codec::inflater {};

bool has_deflate() noexcept { return false; }

deflate_codec::deflate_codec(const deflate_terms& terms) : terms_(terms) {}
deflate_codec::deflate_codec(deflate_codec&&) noexcept = default;
deflate_codec& deflate_codec::operator=(deflate_codec&&) noexcept = default;
deflate_codec::~deflate_codec() = default;

// Nobody agrees on it, so nobody comes here.
void deflate_codec::compress(std::span<const std::byte>, std::string&) {}
void deflate_codec::forget() noexcept {}
deflate_codec::verdict deflate_codec::inflate(std::span<const std::byte>, std::string&,
                                              std::size_t) {
  return verdict::damaged;
}

}  // namespace rondo::http::detail
