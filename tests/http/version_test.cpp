#include <rondo/version.hpp>

#include <gtest/gtest.h>

#include <string>

namespace {

TEST(Version, OfTheArchiveIsThatOfTheHeaders) {
  const std::string wanted = std::to_string(RONDO_VERSION / 10'000) + '.' +
                             std::to_string(RONDO_VERSION / 100 % 100) + '.' +
                             std::to_string(RONDO_VERSION % 100);
  EXPECT_EQ(rondo::version(), wanted);
}

TEST(Version, FeaturesAreThoseOfTheBuild) {
  const rondo::feature_set has = rondo::features();
#ifdef RONDO_HAVE_TLS
  EXPECT_TRUE(has.tls);
#else
  EXPECT_FALSE(has.tls);
#endif
#ifdef RONDO_HAVE_ZLIB
  EXPECT_TRUE(has.zlib);
#else
  EXPECT_FALSE(has.zlib);
#endif
#ifdef RONDO_HAVE_BROTLI
  EXPECT_TRUE(has.brotli);
#else
  EXPECT_FALSE(has.brotli);
#endif
#ifdef RONDO_HAVE_ZSTD
  EXPECT_TRUE(has.zstd);
#else
  EXPECT_FALSE(has.zstd);
#endif
#ifdef RONDO_HAVE_PSL
  EXPECT_TRUE(has.psl);
#else
  EXPECT_FALSE(has.psl);
#endif
#ifdef RONDO_HAVE_IDN
  EXPECT_TRUE(has.idn);
#else
  EXPECT_FALSE(has.idn);
#endif
}

TEST(Version, OfLlhttpAndLiburingAreNumbers) {
  for (const char* text : {rondo::features().llhttp, rondo::features().liburing}) {
    const std::string version = text;
    EXPECT_NE(version.find('.'), std::string::npos) << version;
    EXPECT_EQ(version.find_first_not_of("0123456789."), std::string::npos) << version;
  }
}

}  // namespace
