#include <rondo/http/wire/decoder.hpp>

#include <zlib.h>

#include <algorithm>
#include <array>
#include <new>

namespace rondo::http::detail {
namespace {

class zlib_decoder : public decoder {
 public:
  zlib_decoder(const zlib_decoder&) = delete;
  zlib_decoder& operator=(const zlib_decoder&) = delete;

 protected:
  explicit zlib_decoder(const char* name) noexcept : name_(name) {}
  ~zlib_decoder() override { inflateEnd(&z_); }

  // `bits` as inflateInit2 takes them.
  void begin(int bits) {
    if (inflateInit2(&z_, bits) != Z_OK) throw std::bad_alloc();
  }
  void begin_again() { inflateReset(&z_); }
  // Until the end of a stream, of the input, or of the room.
  step inflate_some(std::span<const std::byte> in, std::span<std::byte> out, bool& at_end) {
    z_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data()));
    z_.avail_in = static_cast<uInt>(in.size());
    z_.next_out = reinterpret_cast<Bytef*>(out.data());
    z_.avail_out = static_cast<uInt>(out.size());
    const int result = inflate(&z_, Z_NO_FLUSH);
    at_end = result == Z_STREAM_END;
    if (result == Z_MEM_ERROR) throw std::bad_alloc();
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
      bad_coding(name_, z_.msg ? z_.msg : "the data is broken");
    return {in.size() - z_.avail_in, out.size() - z_.avail_out};
  }

  const char* name_;

 private:
  z_stream z_{};
};

// RFC 1952: one member after another; behind the last one there may be zeros, which fill a block
// up.
class gzip_decoder final : public zlib_decoder {
 public:
  gzip_decoder() : zlib_decoder("gzip") { begin(15 + 16); }

  step run(std::span<const std::byte> in, std::span<std::byte> out) override {
    if (between_) {
      if (in.empty()) return {};
      if (any_ && (padded_ || in.front() != first_of_a_member)) return {skip_zeros(in), 0};
      if (any_) begin_again();
      between_ = false;
      any_ = true;
    }
    return inflate_some(in, out, between_);
  }
  bool ended() const noexcept override { return between_; }

 private:
  static constexpr std::byte first_of_a_member{0x1f};

  std::size_t skip_zeros(std::span<const std::byte> in) {
    if (std::ranges::any_of(in, [](std::byte b) { return b != std::byte{0}; }))
      bad_coding(name_, "bytes follow its end");
    padded_ = true;
    return in.size();
  }

  bool between_ = true;  // before a member, or behind the last one
  bool any_ = false;
  bool padded_ = false;  // only zeros may follow
};

class deflate_decoder final : public zlib_decoder {
 public:
  deflate_decoder() : zlib_decoder("deflate") {}

  step run(std::span<const std::byte> in, std::span<std::byte> out) override {
    if (ended_) {
      if (!in.empty()) bad_coding(name_, "bytes follow its end");
      return {};
    }
    std::size_t taken = 0;
    while (head_size_ < head_.size()) {
      if (taken == in.size()) return {taken, 0};
      head_[head_size_++] = in[taken++];
      if (head_size_ == head_.size()) begin(has_zlib_header() ? 15 : -15);
    }
    if (head_left_ > 0) {  // the two bytes that told which it is
      const auto head = std::span(head_).last(head_left_);
      const step s = inflate_some(head, out, ended_);
      head_left_ -= s.consumed;
      return {taken, s.produced};
    }
    const step s = inflate_some(in.subspan(taken), out, ended_);
    return {taken + s.consumed, s.produced};
  }
  bool ended() const noexcept override { return ended_; }

 private:
  // RFC 1950, section 2.2.
  bool has_zlib_header() const noexcept {
    const auto first = std::to_integer<unsigned>(head_[0]);
    const auto second = std::to_integer<unsigned>(head_[1]);
    return (first & 15) == 8 && (first >> 4) <= 7 && (first << 8 | second) % 31 == 0;
  }

  std::array<std::byte, 2> head_{};
  std::size_t head_size_ = 0;
  std::size_t head_left_ = 2;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<decoder> make_gzip_decoder() { return std::make_unique<gzip_decoder>(); }
std::unique_ptr<decoder> make_deflate_decoder() { return std::make_unique<deflate_decoder>(); }

}  // namespace rondo::http::detail
