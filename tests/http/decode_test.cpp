// Content codings: every kind, whole and byte by byte, stacked, cut short, with bytes behind, and
// bombs.
#include "http/bombs.hpp"

#include <rondo/http/errors.hpp>
#include <rondo/http/wire/decode.hpp>

#include <gtest/gtest.h>

#include <malloc.h>

#include <optional>
#include <string>
#include <vector>

using namespace rondo;
using http::body_error;
using http::detail::body_decoder;
using test::bytes_from_hex;

namespace {

std::span<const std::byte> bytes(std::string_view s) { return std::as_bytes(std::span(s)); }

// All that `text` makes, given in pieces of `piece` bytes.
std::string decoded(const std::vector<std::string>& codings, const std::string& text,
                    std::size_t piece = 1'000'000, std::uint64_t limit = 1 << 24) {
  body_decoder d(codings, limit);
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += piece) {
    d.give(bytes(std::string_view(text).substr(at, piece)));
    for (;;) {
      const auto [part, wants_input] = d.next();
      if (wants_input) break;
      out.append(reinterpret_cast<const char*>(part.data()), part.size());
    }
  }
  d.finish();
  return out;
}

std::optional<body_error::reason> refusal(const std::vector<std::string>& codings,
                                          const std::string& text, std::uint64_t limit = 1 << 24) {
  try {
    decoded(codings, text, 1'000'000, limit);
  } catch (const body_error& e) {
    return e.why();
  }
  return std::nullopt;
}

struct sample {
  const char* coding;
  std::string coded;
};
// "hello hello hello hello\n" in each.
std::vector<sample> samples() {
  std::vector<sample> out;
#ifdef RONDO_HAVE_ZLIB
  out.push_back(
      {"gzip", bytes_from_hex("1f8b0800000000000203cb48cdc9c957c84027b9000088590b18000000")});
  out.push_back(
      {"x-gzip", bytes_from_hex("1f8b0800000000000203cb48cdc9c957c84027b9000088590b18000000")});
  out.push_back({"deflate", bytes_from_hex("789ccb48cdc9c957c84027b90070be08bb")});
  out.push_back({"deflate", bytes_from_hex("cb48cdc9c957c84027b900")});
#endif
#ifdef RONDO_HAVE_BROTLI
  out.push_back({"br", bytes_from_hex("1b1700f88d946ede445586d60a206c6f4a1179e280ae16")});
#endif
#ifdef RONDO_HAVE_ZSTD
  out.push_back({"zstd", bytes_from_hex("28b52ffd20186d00003868656c6c6f200a0100994b11")});
#endif
  return out;
}
const std::string plain = "hello hello hello hello\n";

}  // namespace

TEST(Decode, TakesEachCodingHoweverItIsSplit) {
  for (const sample& s : samples())
    for (const std::size_t piece : {1000U, 1U, 2U, 3U, 7U})
      EXPECT_EQ(decoded({s.coding}, s.coded, piece), plain) << s.coding << ' ' << piece;
}

TEST(Decode, NamesABodyThatBreaksOff) {
  for (const sample& s : samples())
    for (std::size_t n = 1; n < s.coded.size(); ++n)
      EXPECT_EQ(refusal({s.coding}, s.coded.substr(0, n)), body_error::reason::truncated)
          << s.coding << ' ' << n;
}

TEST(Decode, RefusesWhatFollowsTheEnd) {
  for (const sample& s : samples())
    EXPECT_EQ(refusal({s.coding}, s.coded + "xxxxxxxx"), body_error::reason::bad_coding)
        << s.coding;
}

// What says that a whole body came, and then more, as against a coding that is broken.
std::string complaint(const std::vector<std::string>& codings, const std::string& text,
                      std::size_t piece) {
  try {
    decoded(codings, text, piece);
  } catch (const body_error& e) {
    return std::string(e.message());
  }
  return "";
}

TEST(Decode, SaysThatBytesFollowTheEnd) {
  for (const sample& s : samples())
    for (const char* junk : {"x", "xx", "\r\n", "xxxxxxxxxxxxxxxxxxxxxxxxxxxx"})
      for (const std::size_t piece : {1000U, 1U, 3U})
        EXPECT_NE(complaint({s.coding}, s.coded + junk, piece).find("bytes follow its end"),
                  std::string::npos)
            << s.coding << ' ' << junk << ": " << complaint({s.coding}, s.coded + junk, piece);
}

// Padding of tapes and of some servers: gunzip, curl and browsers pass over it.
TEST(Decode, IgnoresZerosBehindGzipAndBehindNothingElse) {
  for (const sample& s : samples())
    for (const std::size_t zeros : {1U, 2U, 7U, 512U, 100'000U})
      for (const std::size_t piece : {1'000'000U, 1U, 3U}) {
        if (zeros > 1000 && piece < 1000) continue;
        const std::string body = s.coded + std::string(zeros, '\0');
        if (std::string(s.coding).ends_with("gzip"))
          EXPECT_EQ(decoded({s.coding}, body, piece), plain) << zeros << ' ' << piece;
        else
          EXPECT_EQ(refusal({s.coding}, body), body_error::reason::bad_coding)
              << s.coding << ' ' << zeros;
      }
#ifdef RONDO_HAVE_ZLIB
  const std::string gzip = samples()[0].coded;
  const std::string zeros(7, '\0');
  EXPECT_EQ(decoded({"gzip"}, gzip + gzip + zeros, 1), plain + plain);
  EXPECT_EQ(refusal({"gzip"}, zeros), body_error::reason::bad_coding);
  EXPECT_EQ(refusal({"gzip"}, zeros + gzip), body_error::reason::bad_coding);
  EXPECT_EQ(refusal({"gzip"}, gzip + zeros + "x"), body_error::reason::bad_coding);
  EXPECT_EQ(refusal({"gzip"}, gzip + zeros + gzip), body_error::reason::bad_coding);
  for (const std::size_t piece : {1'000'000U, 1U, 7U})
    EXPECT_NE(complaint({"gzip"}, gzip + zeros + gzip, piece).find("bytes follow its end"),
              std::string::npos)
        << piece;
  // The second member is judged as the first is.
  EXPECT_EQ(refusal({"gzip"}, gzip + gzip.substr(0, 1)), body_error::reason::truncated);
  EXPECT_EQ(refusal({"gzip"}, gzip + "\x1f\x8c"), body_error::reason::bad_coding);
#endif
}

#ifdef RONDO_HAVE_ZSTD
// RFC 8878, section 3.1.2: a frame of anybody's, to be passed over wherever it stands.
TEST(Decode, PassesOverSkippableFrames) {
  const std::string zstd = samples().back().coded;
  const std::string empty = bytes_from_hex("502a4d1800000000");
  const std::string three = bytes_from_hex("5f2a4d1803000000616263");
  const std::string large = bytes_from_hex("552a4d1800010000") + std::string(256, '\x28');
  for (const std::size_t piece : {1000U, 1U, 2U, 3U, 7U, 13U}) {
    EXPECT_EQ(decoded({"zstd"}, empty, piece), "") << piece;
    EXPECT_EQ(decoded({"zstd"}, three + zstd, piece), plain) << piece;
    EXPECT_EQ(decoded({"zstd"}, zstd + three + empty, piece), plain) << piece;
    EXPECT_EQ(decoded({"zstd"}, large + zstd + large + zstd + three, piece), plain + plain)
        << piece;
  }
  for (std::size_t n = 1; n < three.size(); ++n)
    EXPECT_EQ(refusal({"zstd"}, zstd + three.substr(0, n)), body_error::reason::truncated) << n;
  EXPECT_EQ(refusal({"zstd"}, zstd + bytes_from_hex("4f2a4d1800000000")),
            body_error::reason::bad_coding);
  EXPECT_EQ(refusal({"zstd"}, zstd + bytes_from_hex("602a4d1800000000")),
            body_error::reason::bad_coding);
}
#endif

TEST(Decode, TakesMembersAndFramesOneAfterAnother) {
#ifdef RONDO_HAVE_ZLIB
  const std::string gzip = samples()[0].coded;
  EXPECT_EQ(decoded({"gzip"}, gzip + gzip, 1), plain + plain);
#endif
#ifdef RONDO_HAVE_ZSTD
  const std::string zstd = samples().back().coded;
  EXPECT_EQ(decoded({"zstd"}, zstd + zstd, 1), plain + plain);
#endif
}

TEST(Decode, TakesNoBytesForAnEmptyBody) {
  for (const sample& s : samples()) EXPECT_EQ(decoded({s.coding}, ""), "");
}

TEST(Decode, NamesWhatItDoesNotKnowAndWhatIsTooMuch) {
  EXPECT_EQ(refusal({"compress"}, "x"), body_error::reason::bad_coding);
#ifdef RONDO_HAVE_ZLIB
  EXPECT_EQ(refusal(std::vector<std::string>(6, "gzip"), "x"), body_error::reason::bad_coding);
  EXPECT_EQ(refusal({"gzip"}, "not gzip at all"), body_error::reason::bad_coding);
  std::string broken = samples()[0].coded;
  broken[broken.size() - 5] ^= 1;  // the checksum
  EXPECT_EQ(refusal({"gzip"}, broken), body_error::reason::bad_coding);
#endif
}

TEST(Decode, ReadsTheListOfAHead) {
  using http::detail::content_codings;
  EXPECT_EQ(
      content_codings({{"Content-Encoding", "gzip, identity ,BR"}, {"content-encoding", "zstd"}}),
      (std::vector<std::string>{"gzip", "BR", "zstd"}));
  EXPECT_TRUE(content_codings({{"Content-Encoding", ", identity,"}}).empty());
}

#ifdef RONDO_HAVE_ZLIB
TEST(Decode, TakesFiveCodingsOneUponAnother) {
  EXPECT_EQ(decoded(std::vector<std::string>(5, "gzip"),
                    bytes_from_hex(
                        "1f8b080000000000020393efe660000126e6c9ef9f253030aa3d3bf97ebeaa81c12a5b"
                        "eb9f75fb56351ed4ba7dd7eaf2fd9bdfe5ff7fdfb0b26cd3961dd3eac36f2d65e7642a"
                        "dff7e258f7da07491fcedefa17cdbf829fe1c0bdb0630e40a30067fa327b53000000"),
                    1),
            plain);
}
#endif

#ifdef RONDO_HAVE_ZLIB
// A coding may make gigabytes for the next, which makes nothing of them: the caller is asked all
// the same.
TEST(Decode, GivesTheCallerATurnWhenItMakesNothing) {
  body_decoder d(test::four_times_gzip, std::uint64_t{1} << 40);
  d.give(bytes(test::bomb_of_nothing));
  for (int i = 0; i < 100; ++i) {
    const auto [made, wants_input] = d.next();
    ASSERT_TRUE(made.empty());
    ASSERT_FALSE(wants_input);
  }
}

TEST(Decode, HasALimitForWhatACodingMakesForTheNext) {
  EXPECT_EQ(refusal(test::four_times_gzip, test::bomb_of_nothing, 1 << 20),
            body_error::reason::too_large);
}
#endif

#ifdef RONDO_HAVE_BROTLI
// 64 MiB of zeros in 51 bytes, or so.
TEST(Decode, StopsABombAtItsLimitInLittleMemory) {
  const std::string bomb = bytes_from_hex(
      "cfffff7ff82700e2b14020f7fe9ffffffff04f00c4610180eefd3fffffffe19f0088c3"
      "2200ddfbfffcffffc73f0110870500baf7ff");
  const std::size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
  std::size_t peak = 0;
  body_decoder d({"br"}, 20 << 20);
  d.give(bytes(bomb));
  std::uint64_t made = 0;
  std::optional<body_error::reason> why;
  try {
    for (;;) {
      const auto [part, wants_input] = d.next();
      if (wants_input) break;
      made += part.size();
      EXPECT_LE(part.size(), 32U * 1024);
      peak = std::max(peak, mallinfo2().uordblks + mallinfo2().hblkhd - before);
    }
  } catch (const body_error& e) {
    why = e.why();
  }
  EXPECT_EQ(why, body_error::reason::too_large);
  EXPECT_LE(made, 20U << 20);
  EXPECT_GT(made, (20U << 20) - 64 * 1024);
  EXPECT_LE(peak, (16U << 20) + (1U << 20));
}
#endif

#ifdef RONDO_HAVE_ZSTD
TEST(Decode, RefusesAWindowOfMoreThanEightMebibytes) {
  // A frame's header alone: magic, descriptor, window descriptor (2^(10+exponent), RFC 8878,
  // section 3.1.1.1.2).
  const std::string eight = bytes_from_hex("28b52ffd0068");     // 2^23
  const std::string too_wide = bytes_from_hex("28b52ffd0070");  // 2^24
  const std::string last_empty_block = bytes_from_hex("010000");
  EXPECT_EQ(decoded({"zstd"}, eight + last_empty_block), "");
  EXPECT_EQ(refusal({"zstd"}, too_wide + last_empty_block), body_error::reason::bad_coding);
}
#endif
