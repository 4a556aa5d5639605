// Taking content codings off a body while it streams (RFC 9110, section 8.4). Internal.
//
//     body_decoder d({"gzip"}, limit);
//     d.give(piece);
//     while (true) { auto part = d.next(); if (part.empty()) break; use(part); }   // at most 32 KiB each
//     …                                                                           // give the next piece
//     d.finish();
//
// However small a body and however much it makes, memory is bounded by the decoders' windows (32 KiB, 8 MiB, 16
// MiB) and a buffer for each coding, and time by `limit`.
#pragma once

#include <rondo/http/decoder.hpp>
#include <rondo/http/headers.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rondo::http::detail {

// Codings stacked on one body.
inline constexpr std::size_t max_codings = 5;

// "gzip, deflate, br, zstd": what this build takes off; "identity" when that is nothing.
[[nodiscard]] std::string_view accepted_codings() noexcept;

// The codings that a head names, in the order in which they were put on; without "identity".
[[nodiscard]] std::vector<std::string> content_codings(const headers& fields);

class body_decoder {
 public:
  // `limit`: bytes that any of the codings may make. Throws body_error (bad_coding) for a coding that this build
  // does not know, and for more than max_codings.
  body_decoder(const std::vector<std::string>& codings, std::uint64_t limit);

  // The next bytes as they came; what was given before must be used up, and they must stay until they are.
  void give(std::span<const std::byte> piece) noexcept { input_ = piece; }
  // Decoded bytes, until the next call; empty when more must be given. Throws body_error: bad_coding, or too_large
  // past the limit.
  std::span<const std::byte> next();
  // All has been given. Throws body_error (truncated) when the codings have not ended. A body of no bytes at all is
  // taken as empty, because servers send them.
  void finish() const;

 private:
  struct stage {
    std::unique_ptr<decoder> d;
    std::vector<std::byte> room;
    std::span<const std::byte> made;  // and not used yet
    std::uint64_t total = 0;
    bool full = false;  // the room was used up: there may be more without more input
  };
  bool fill(std::size_t i);

  std::uint64_t limit_;
  std::span<const std::byte> input_;
  std::vector<stage> stages_;  // the coding that was put on last comes first
  bool any_ = false;
};

}  // namespace rondo::http::detail
