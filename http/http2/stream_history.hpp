// What a server remembers of the streams that its client has opened: which numbers were passed
// over, and where the client has said that it has ended. Internal.
//
// RFC 9113, section 5.1.1: a new stream has a greater number than all before. And section 5.1: who
// has ended a stream sends nothing more on it. A server that has reset a stream must bear what was
// on its way; so it has to know which of the two closed it, longer than the stream is there.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace rondo::http::detail {

class stream_history {
 public:
  enum class fate : std::uint8_t {
    unopened,  // passed over: it can never be opened
    open,      // for the client; we may have closed it
    ended,     // by the client
    forgotten  // it was long ago
  };

  std::uint32_t highest() const noexcept { return highest_; }
  // Of a client's stream, whose number is odd, and not above highest().
  fate of(std::uint32_t id) const noexcept {
    const std::uint32_t index = id / 2;
    if (highest_ / 2 - index >= kept) return fate::forgotten;
    return static_cast<fate>(marks_[index / 4 % marks_.size()] >> (index % 4 * 2) & 3U);
  }
  // Opens one above highest().
  void open(std::uint32_t id) noexcept {
    std::uint32_t index = highest_ == 0 ? 0 : highest_ / 2 + 1;
    if (id / 2 - index >= kept) index = id / 2 - kept + 1;
    for (; index < id / 2; ++index) mark(index, fate::unopened);
    mark(index, fate::open);
    highest_ = id;
  }
  void end(std::uint32_t id) noexcept {
    if (id <= highest_ && of(id) == fate::open) mark(id / 2, fate::ended);
  }

 private:
  static constexpr std::uint32_t kept = 1024;  // streams

  void mark(std::uint32_t index, fate f) noexcept {
    std::uint8_t& four = marks_[index / 4 % marks_.size()];
    const unsigned shift = index % 4 * 2;
    four = static_cast<std::uint8_t>((four & ~(3U << shift)) | (static_cast<unsigned>(f) << shift));
  }

  std::uint32_t highest_ = 0;
  std::array<std::uint8_t, kept / 4> marks_{};
};

}  // namespace rondo::http::detail
