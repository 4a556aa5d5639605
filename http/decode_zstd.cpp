#include <rondo/http/decoder.hpp>

#include <zstd.h>

#include <new>

namespace rondo::http::detail {
namespace {

// RFC 9659: what a recipient must take, and may refuse beyond.
constexpr int max_window_log = 23;

// Frames, one after another (RFC 8878).
class zstd_decoder final : public decoder {
 public:
  zstd_decoder() : context_(ZSTD_createDCtx()) {
    if (!context_) throw std::bad_alloc();
    ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, max_window_log);
  }

  step run(std::span<const std::byte> in, std::span<std::byte> out) override {
    if (in.empty() && between_) return {};
    // A frame that lies there whole would be decoded another way, which is stricter: it gets its first byte alone, so
    // that the verdict does not hang on how a body is split.
    ZSTD_inBuffer from{in.data(), between_ ? 1 : in.size(), 0};
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    const std::size_t left = ZSTD_decompressStream(context_.get(), &to, &from);
    if (ZSTD_isError(left)) bad_coding("zstd", ZSTD_getErrorName(left));
    between_ = left == 0;
    return {from.pos, to.pos};
  }
  bool ended() const noexcept override { return between_; }

 private:
  struct destroy {
    void operator()(ZSTD_DCtx* c) const noexcept { ZSTD_freeDCtx(c); }
  };
  std::unique_ptr<ZSTD_DCtx, destroy> context_;
  bool between_ = true;  // before a frame
};

}  // namespace

std::unique_ptr<decoder> make_zstd_decoder() { return std::make_unique<zstd_decoder>(); }

}  // namespace rondo::http::detail
