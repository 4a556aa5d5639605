#include <rondo/http/websocket/deflate.hpp>

#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>
#include <new>
#include <stdexcept>

namespace rondo::http::detail {
namespace {

// What ends each block that is flushed, and is left out of a message (RFC 7692, section 7.2.1).
constexpr std::array<unsigned char, 4> flush_mark{0x00, 0x00, 0xFF, 0xFF};
// A deflater of 15 bits and this level takes 153 KB, of 12 bits 39 KB; with zlib's own level 268.
constexpr int memory_level = 5;
constexpr std::size_t step_bytes = 16 * 1024;

uInt of_zlib(std::size_t n) noexcept {
  return static_cast<uInt>(std::min<std::size_t>(n, std::numeric_limits<uInt>::max()));
}

}  // namespace

struct deflate_codec::deflater {
  explicit deflater(int bits) : bits(bits) {
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -bits, memory_level,
                     Z_DEFAULT_STRATEGY) != Z_OK)
      throw std::bad_alloc();
  }
  deflater(const deflater&) = delete;
  deflater& operator=(const deflater&) = delete;
  ~deflater() { deflateEnd(&z); }

  z_stream z{};
  int bits;
};

struct deflate_codec::inflater {
  explicit inflater(int bits) {
    // A window of 8 bits cannot be asked for raw; a larger one reads the same.
    if (inflateInit2(&z, -std::max(bits, 9)) != Z_OK) throw std::bad_alloc();
  }
  inflater(const inflater&) = delete;
  inflater& operator=(const inflater&) = delete;
  ~inflater() { inflateEnd(&z); }

  z_stream z{};
};

bool has_deflate() noexcept { return true; }

deflate_codec::deflate_codec(const deflate_terms& terms) : terms_(terms) {}
deflate_codec::deflate_codec(deflate_codec&&) noexcept = default;
deflate_codec& deflate_codec::operator=(deflate_codec&&) noexcept = default;
deflate_codec::~deflate_codec() = default;

deflate_codec::deflater& deflate_codec::deflater_of_message() {
  if (terms_.send_takeover) {
    if (!own_deflater_) own_deflater_ = std::make_unique<deflater>(terms_.send_bits);
    return *own_deflater_;
  }
  // One for each window that somebody asked for, so that no peer gets more than it can read.
  thread_local std::array<std::unique_ptr<deflater>, 16> shared;
  std::unique_ptr<deflater>& d = shared.at(static_cast<std::size_t>(terms_.send_bits));
  if (!d)
    d = std::make_unique<deflater>(terms_.send_bits);
  else
    deflateReset(&d->z);
  return *d;
}

deflate_codec::inflater& deflate_codec::inflater_of_message() {
  if (terms_.receive_takeover) {
    if (!own_inflater_) own_inflater_ = std::make_unique<inflater>(terms_.receive_bits);
    return *own_inflater_;
  }
  thread_local std::unique_ptr<inflater> shared;  // the largest window reads all
  if (!shared)
    shared = std::make_unique<inflater>(15);
  else
    inflateReset(&shared->z);
  return *shared;
}

void deflate_codec::compress(std::span<const std::byte> message, std::string& out) {
  if (message.empty()) {  // zlib does not flush twice; this block is empty (RFC 7692, 7.2.3.6)
    out += '\0';
    return;
  }
  z_stream& z = deflater_of_message().z;
  for (;;) {
    const std::span<const std::byte> piece = message.first(of_zlib(message.size()));
    message = message.subspan(piece.size());
    // zlib does not write to its input.
    z.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(piece.data()));
    z.avail_in = static_cast<uInt>(piece.size());
    do {
      const std::size_t had = out.size();
      out.resize(had + step_bytes);
      z.next_out = reinterpret_cast<Bytef*>(out.data() + had);
      z.avail_out = step_bytes;
      deflate(&z, message.empty() ? Z_SYNC_FLUSH : Z_NO_FLUSH);
      out.resize(had + step_bytes - z.avail_out);
    } while (z.avail_out == 0);
    if (message.empty()) break;
  }
  out.resize(out.size() - flush_mark.size());
}

void deflate_codec::forget() noexcept {
  if (own_deflater_) deflateReset(&own_deflater_->z);
}

deflate_codec::verdict deflate_codec::inflate(std::span<const std::byte> coded, std::string& out,
                                              std::size_t most) {
  z_stream& z = inflater_of_message().z;
  bool marked = false;
  z.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(coded.data()));
  z.avail_in = of_zlib(coded.size());
  if (z.avail_in != coded.size()) return verdict::too_large;
  const std::size_t begun = out.size();
  for (;;) {
    if (z.avail_in == 0 && !marked) {
      marked = true;
      z.next_in = const_cast<Bytef*>(flush_mark.data());
      z.avail_in = static_cast<uInt>(flush_mark.size());
    }
    const std::size_t had = out.size();
    out.resize(had + step_bytes);
    z.next_out = reinterpret_cast<Bytef*>(out.data() + had);
    z.avail_out = step_bytes;
    const int r = ::inflate(&z, Z_SYNC_FLUSH);
    out.resize(had + step_bytes - z.avail_out);
    if (out.size() - begun > most) return verdict::too_large;
    if (r == Z_MEM_ERROR) throw std::bad_alloc();
    // A block may say that it is the last (BFINAL, RFC 7692, section 7.2.3.5): what follows within
    // the message begins anew.
    if (r == Z_STREAM_END) {
      if (marked || z.avail_in == 0) {
        inflateReset(&z);
        return verdict::whole;
      }
      const auto* next = z.next_in;
      const uInt left = z.avail_in;
      inflateReset(&z);
      z.next_in = const_cast<Bytef*>(next);
      z.avail_in = left;
      continue;
    }
    if (r != Z_OK && r != Z_BUF_ERROR) return verdict::damaged;
    // Z_BUF_ERROR: there was nothing to do. All is read, and all is out.
    if (marked && z.avail_in == 0 && z.avail_out > 0) return verdict::whole;
    if (r == Z_BUF_ERROR && z.avail_in > 0 && z.avail_out > 0) return verdict::damaged;
  }
}

}  // namespace rondo::http::detail
