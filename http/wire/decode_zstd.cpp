#include <rondo/http/wire/decoder.hpp>

#include <zstd.h>

#include <algorithm>
#include <new>

namespace rondo::http::detail {
namespace {

// RFC 9659: what a recipient must take, and may refuse beyond.
constexpr int max_window_log = 23;
// Of a frame, its magic number included.
constexpr std::size_t longest_header = 18;

// The first bytes of a frame: of Zstandard's own, and of one to be passed over, whose low four
// bits are its writer's (RFC 8878, sections 3.1.1 and 3.1.2).
bool may_begin_a_frame(std::byte b) noexcept {
  return b == std::byte{0x28} || (b & std::byte{0xf0}) == std::byte{0x50};
}

// Frames, one after another (RFC 8878).
class zstd_decoder final : public decoder {
 public:
  zstd_decoder() : context_(ZSTD_createDCtx()) {
    if (!context_) throw std::bad_alloc();
    ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, max_window_log);
  }

  step run(std::span<const std::byte> in, std::span<std::byte> out) override {
    if (in.empty() && between_) return {};
    if (between_ && any_ && !may_begin_a_frame(in.front()))
      bad_coding("zstd", "bytes follow its end");
    // libzstd decodes a frame that lies there whole in another way, which is stricter, and looks
    // for the formats before RFC 8878 where a piece begins. A frame's header goes byte by byte: the
    // verdict does not hang on how a body is split.
    const std::size_t most = given_ < longest_header ? 1 : in.size();
    ZSTD_inBuffer from{in.data(), std::min(most, in.size()), 0};
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    const std::size_t left = ZSTD_decompressStream(context_.get(), &to, &from);
    if (ZSTD_isError(left)) bad_coding("zstd", ZSTD_getErrorName(left));
    between_ = left == 0;
    any_ = true;
    given_ = between_ ? 0 : given_ + from.pos;
    return {from.pos, to.pos};
  }
  bool ended() const noexcept override { return between_; }

 private:
  struct destroy {
    void operator()(ZSTD_DCtx* c) const noexcept { ZSTD_freeDCtx(c); }
  };
  std::unique_ptr<ZSTD_DCtx, destroy> context_;
  bool between_ = true;    // before a frame
  bool any_ = false;       // has begun
  std::size_t given_ = 0;  // bytes of the frame
};

}  // namespace

std::unique_ptr<decoder> make_zstd_decoder() { return std::make_unique<zstd_decoder>(); }

}  // namespace rondo::http::detail
