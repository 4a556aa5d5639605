#!/usr/bin/env bash
# The library as three files, compiled with the two lines that scripts/amalgamate gives, fetches. It is also where the
# sources show that none has a name that another has: here they are one.
#
# usage: run.sh SOURCE_ROOT, with CC and CXX set
set -euo pipefail

source_root=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
read -ra cc <<<"${CC:-cc}"
read -ra cxx <<<"$CXX"

"$source_root/scripts/amalgamate" "$work"
cp "$source_root/examples/fetch_urls.cpp" "$work/main.cpp"
# The umbrellas are all that the example includes of ours, and rondo.hpp has them.
sed -i -E '/#include <rondo\//d; 1i #include "rondo.hpp"' "$work/main.cpp"
options=()
modules=(liburing)
while read -r feature module; do
  if pkg-config --exists "$module"; then
    options+=("-DRONDO_HAVE_$feature=1")
    modules+=("$module")
  fi
done <<'END'
TLS openssl
ZLIB zlib
BROTLI libbrotlidec
ZSTD libzstd
PSL libpsl
IDN libidn2
HTTP2 libnghttp2
END
objects=()
cd "$work"
if [[ -f rondo_llhttp.c ]]; then
  "${cc[@]}" -c rondo_llhttp.c
  objects=(rondo_llhttp.o)
  if nm --extern-only --defined-only --format=posix rondo_llhttp.o | grep -v '^rondo_'; then
    echo "amalgamation: rondo_llhttp.c defines names that are not Rondo's" >&2
    exit 1
  fi
else
  modules+=(libllhttp)
fi
# shellcheck disable=SC2046  # pkg-config prints words
"${cxx[@]}" -std=c++20 "${options[@]}" main.cpp rondo.cpp "${objects[@]}" -o main -pthread \
  $(pkg-config --cflags --libs "${modules[@]}")
for reactor in epoll io_uring; do
  RONDO_REACTOR=$reactor ./main </dev/null
done
echo "amalgamation: three files make a program"
