#include <rondo/http/wire/decoder.hpp>

#include <brotli/decode.h>

#include <cstdint>
#include <new>

namespace rondo::http::detail {
namespace {

class brotli_decoder final : public decoder {
 public:
  brotli_decoder() : state_(BrotliDecoderCreateInstance(nullptr, nullptr, nullptr)) {
    if (!state_) throw std::bad_alloc();
  }

  step run(std::span<const std::byte> in, std::span<std::byte> out) override {
    if (ended()) {
      if (!in.empty()) bad_coding("br", "bytes follow its end");
      return {};
    }
    std::size_t in_left = in.size();
    std::size_t out_left = out.size();
    const auto* next_in = reinterpret_cast<const std::uint8_t*>(in.data());
    auto* next_out = reinterpret_cast<std::uint8_t*>(out.data());
    const BrotliDecoderResult result = BrotliDecoderDecompressStream(
        state_.get(), &in_left, &next_in, &out_left, &next_out, nullptr);
    if (result == BROTLI_DECODER_RESULT_ERROR)
      bad_coding("br", BrotliDecoderErrorString(BrotliDecoderGetErrorCode(state_.get())));
    return {in.size() - in_left, out.size() - out_left};
  }
  bool ended() const noexcept override { return BrotliDecoderIsFinished(state_.get()) != 0; }

 private:
  struct destroy {
    void operator()(BrotliDecoderState* s) const noexcept { BrotliDecoderDestroyInstance(s); }
  };
  std::unique_ptr<BrotliDecoderState, destroy> state_;
};

}  // namespace

std::unique_ptr<decoder> make_brotli_decoder() { return std::make_unique<brotli_decoder>(); }

}  // namespace rondo::http::detail
