// Here, because http stands on every library that Rondo may be built with.
#include <rondo/version.hpp>

#include <llhttp.h>

// The build says it: liburing's headers do so since 2.4 only.
#ifndef RONDO_LIBURING_VERSION
#define RONDO_LIBURING_VERSION "unknown"
#endif

#define RONDO_QUOTED(number) #number
#define RONDO_DOTTED(x, y, z) RONDO_QUOTED(x) "." RONDO_QUOTED(y) "." RONDO_QUOTED(z)

namespace rondo {

feature_set features() noexcept {
  feature_set f{};
#ifdef RONDO_HAVE_TLS
  f.tls = true;
#endif
#ifdef RONDO_HAVE_ZLIB
  f.zlib = true;
#endif
#ifdef RONDO_HAVE_BROTLI
  f.brotli = true;
#endif
#ifdef RONDO_HAVE_ZSTD
  f.zstd = true;
#endif
#ifdef RONDO_HAVE_PSL
  f.psl = true;
#endif
#ifdef RONDO_HAVE_IDN
  f.idn = true;
#endif
#ifdef RONDO_HAVE_HTTP2
  f.http2 = true;
#endif
  f.llhttp = RONDO_DOTTED(LLHTTP_VERSION_MAJOR, LLHTTP_VERSION_MINOR, LLHTTP_VERSION_PATCH);
  f.liburing = RONDO_LIBURING_VERSION;
  return f;
}

}  // namespace rondo
