#include <rondo/http/wire/encoder.hpp>

#if RONDO_HAVE_ZLIB
#include <zlib.h>

#include <array>
#include <new>
#endif

namespace rondo::http::detail {

#if RONDO_HAVE_ZLIB

namespace {

class zlib_encoder final : public encoder {
 public:
  // `bits` as deflateInit2 takes them.
  zlib_encoder(int level, int bits) {
    static constexpr int usual_memory = 8;
    if (deflateInit2(&z_, level, Z_DEFLATED, bits, usual_memory, Z_DEFAULT_STRATEGY) != Z_OK)
      throw std::bad_alloc();
  }
  zlib_encoder(const zlib_encoder&) = delete;
  zlib_encoder& operator=(const zlib_encoder&) = delete;
  ~zlib_encoder() override { deflateEnd(&z_); }

  void run(std::string_view in, std::string& out, flush how) override {
    z_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    z_.avail_in = static_cast<uInt>(in.size());
    const int mode = how == flush::end      ? Z_FINISH
                     : how == flush::pieces ? Z_SYNC_FLUSH
                                            : Z_NO_FLUSH;
    do {
      z_.next_out = reinterpret_cast<Bytef*>(room_.data());
      z_.avail_out = static_cast<uInt>(room_.size());
      deflate(&z_, mode);  // with room, the one thing that it can say is that there is no more
      out.append(room_.data(), room_.size() - z_.avail_out);
    } while (z_.avail_out == 0);
  }

 private:
  z_stream z_{};
  std::array<char, 16 * 1024> room_{};
};

}  // namespace

std::unique_ptr<encoder> make_gzip_encoder(int level) {
  return std::make_unique<zlib_encoder>(level, 15 + 16);
}
std::unique_ptr<encoder> make_deflate_encoder(int level) {
  return std::make_unique<zlib_encoder>(level, 15);
}

#else

std::unique_ptr<encoder> make_gzip_encoder(int) { return nullptr; }
std::unique_ptr<encoder> make_deflate_encoder(int) { return nullptr; }

#endif

}  // namespace rondo::http::detail
