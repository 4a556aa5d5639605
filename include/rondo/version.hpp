// Which Rondo this is: RONDO_VERSION is the headers', version() the archive's; and what the archive
// was built with.
//
//   std::printf("rondo %s, TLS: %s\n", rondo::version(), rondo::features().tls ? "yes" : "no");
//   #if RONDO_VERSION < 200
//   #error this program wants Rondo 0.2.0
//   #endif
//
// Headers of one version do not link with an archive of another: the linker then misses
// `rondo::detail::version_0_2_0::headers_and_archive_are_of_one_version`, with the headers' version
// in its name; `pkg-config --modversion rondo` says the archive's.
//
// Until 1.0 a minor version (0.2, 0.3) may change the interface, and a patch (0.2.1) does not. No
// binary interface is promised: Rondo is linked statically.
#pragma once

// Major * 10'000 + minor * 100 + patch: 200 is 0.2.0.
#define RONDO_VERSION 200

namespace rondo {

// The archive's version, "0.2.0".
const char* version() noexcept;

// What the archive was built with.
struct feature_set {
  bool tls;              // TLS streams and https (OpenSSL)
  bool zlib;             // gzip and deflate bodies
  bool brotli;           // br bodies
  bool zstd;             // zstd bodies
  bool psl;              // the public suffix list for cookies
  bool idn;              // host names beyond ASCII
  bool http2;            // HTTP/2
  const char* llhttp;    // the version of llhttp, "8.1.0"
  const char* liburing;  // and that of liburing's headers, "2.3"
};

feature_set features() noexcept;

namespace detail {

inline namespace version_0_2_0 {
extern const char headers_and_archive_are_of_one_version;
// Refers to the archive from every object file, whatever else it uses; --gc-sections keeps it.
[[gnu::used, gnu::retain]] static const char* const wanted_of_the_archive =
    &headers_and_archive_are_of_one_version;
}  // namespace version_0_2_0

}  // namespace detail
}  // namespace rondo
