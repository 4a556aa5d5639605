// permessage-deflate (RFC 7692): what the two sides agreed on, and the two coders. Internal.
//
// Without context takeover a message stands for itself, and the coders of a thread serve all its
// connections; with it each connection has its own, and pays for it in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace rondo::http::detail {

// What was agreed, from where we stand.
struct deflate_terms {
  int send_bits = 15;     // the window of what we send, 9 to 15
  int receive_bits = 15;  // of what we get, 8 to 15
  bool send_takeover = false;
  bool receive_takeover = false;
};

// Whether this build has it (zlib).
[[nodiscard]] bool has_deflate() noexcept;

class deflate_codec {
 public:
  explicit deflate_codec(const deflate_terms& terms);
  deflate_codec(deflate_codec&&) noexcept;
  deflate_codec& operator=(deflate_codec&&) noexcept;
  ~deflate_codec();

  // Appends `message` to `out`, compressed. Throws std::bad_alloc.
  void compress(std::span<const std::byte> message, std::string& out);

  enum class verdict : std::uint8_t { whole, too_large, damaged };
  // Appends to `out` what the whole message `coded` stands for; stops as soon as that is more than
  // `most` bytes. Throws std::bad_alloc.
  [[nodiscard]] verdict inflate(std::span<const std::byte> coded, std::string& out,
                                std::size_t most);

  // What compress() made last is not sent: nothing that follows may refer to it.
  void forget() noexcept;

 private:
  struct deflater;
  struct inflater;
  deflater& deflater_of_message();
  inflater& inflater_of_message();

  deflate_terms terms_;
  std::unique_ptr<deflater> own_deflater_;
  std::unique_ptr<inflater> own_inflater_;
};

}  // namespace rondo::http::detail
