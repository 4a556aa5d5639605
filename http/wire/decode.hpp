// Taking content codings off a body while it streams (RFC 9110, section 8.4). Internal.
//
//     body_decoder d({"gzip"}, limit);
//     d.give(piece);
//     for (;;) {
//       auto [made, wants_input] = d.next();   // at most 32 KiB
//       if (wants_input) break;                // give the next piece
//       use(made);                             // perhaps empty: there is more to do
//     }
//     …
//     d.finish();
//
// However small a body and however much it makes, memory is bounded by the decoders' windows (32
// KiB, 8 MiB, 16 MiB) and a buffer for each coding. So is the time of one step, even when codings
// upon one another make much for each other and nothing for us: between two steps the caller can
// look at the clock.
#pragma once

#include <rondo/http/headers.hpp>
#include <rondo/http/wire/decoder.hpp>

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
  // `limit`: bytes that any of the codings may make. Throws body_error (bad_coding) for a coding
  // that this build does not know, and for more than max_codings.
  body_decoder(const std::vector<std::string>& codings, std::uint64_t limit);

  struct step {
    std::span<const std::byte> made;  // until the next call
    bool wants_input = false;         // nothing was made, and more must be given for that
  };

  // The next bytes as they came; what was given before must be used up, and they must stay until
  // they are.
  void give(std::span<const std::byte> piece) noexcept { input_ = piece; }
  // A bounded step. Throws body_error: bad_coding, or too_large past the limit.
  step next();
  // All has been given. Throws body_error (truncated) when the codings have not ended. A body of no
  // bytes at all is taken as empty, because servers send them.
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
  std::size_t runs_left_ = 0;  // of the decoders, in this step
  std::span<const std::byte> input_;
  std::vector<stage> stages_;  // the coding that was put on last comes first
  bool any_ = false;
};

}  // namespace rondo::http::detail
