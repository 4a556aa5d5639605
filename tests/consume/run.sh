#!/usr/bin/env bash
# A project that is not Rondo builds examples/fetch_urls.cpp and runs it: with an installed archive
# through pkg-config, by hand and by meson, through CMake's find_package, and with Rondo as a meson
# subproject.
#
# usage: run.sh SOURCE_ROOT BUILD_ROOT, with CC and CXX set to the compilers of BUILD_ROOT
set -euo pipefail

source_root=$1
build_root=$2
work=$build_root/consume
rm -rf "$work"
mkdir -p "$work"
echo "consume: compiler $CXX"

new_project() {
  mkdir -p "$work/$1"
  cp "$source_root/tests/subproject/meson.build" "$work/$1/"
  cp "$source_root/examples/fetch_urls.cpp" "$work/$1/consumer.cpp"
}

run_on_both() {
  local reactor
  for reactor in epoll io_uring; do
    echo "consume: $1 on $reactor"
    RONDO_REACTOR=$reactor "$1" </dev/null
  done
}

echo "consume: installing"
meson install -C "$build_root" --no-rebuild --destdir "$work/root" --quiet
# The files were put under a root of their own: tell their .pc so.
find "$work/root" -name '*.pc' -exec sed -i "s|^prefix=|prefix=$work/root|" {} +
PKG_CONFIG_PATH=$(dirname "$(find "$work/root" -name rondo.pc)")
export PKG_CONFIG_PATH

echo "consume: the headers installed are the headers of the tree"
installed=$(cd "$(pkg-config --variable=includedir rondo)" && find rondo -name '*.hpp' | sort)
in_tree=$(cd "$source_root/include" && find -L rondo -name '*.hpp' | sort)
diff <(echo "$in_tree") <(echo "$installed")

echo "consume: pkg-config by hand"
new_project by_hand
read -ra compiler <<<"$(pkg-config --variable=cxx rondo)"
# shellcheck disable=SC2046  # pkg-config prints words
"${compiler[@]}" -std=c++20 "$work/by_hand/consumer.cpp" -o "$work/by_hand/consumer" \
  $(pkg-config --cflags --libs rondo)
run_on_both "$work/by_hand/consumer"

# What is in the program, and what it needs, is what its part of Rondo is made of.
# part NAME: builds the program that is given to it with rondo-NAME.pc; not_in is what must not be there.
part() {
  local name=$1 program=$work/part_$1
  echo "consume: rondo-$name alone"
  cat >"$program.cpp"
  # shellcheck disable=SC2046
  "${compiler[@]}" -std=c++20 "$program.cpp" -o "$program" $(pkg-config --cflags --libs "rondo-$name") \
    -Wl,-Map="$program.map"
  "$program"
  local foreign
  foreign=$(grep -oE "$not_in" <(cat "$program.map" <(readelf -d "$program")) | sort -u || true)
  if [[ -n $foreign ]]; then
    printf 'consume: a program of rondo-%s holds or needs:\n%s\n' "$name" "$foreign" >&2
    exit 1
  fi
  grep -q 'librondo.a' "$program.map" || { echo "consume: no map of $program" >&2; exit 1; }
}
not_in='librondo\.a[:(][^ )]*(rondo_net|rondo_http|llhttp)[^ )]*|lib(ssl|crypto|z|brotli[a-z]*|zstd|psl|idn2|nghttp2)\.so[.0-9]*'
part runtime <<'END'
#include <rondo/patterns.hpp>
#include <rondo/runtime.hpp>

#include <chrono>

using namespace std::chrono_literals;

rondo::task<int> two() {
  co_await rondo::sleep_for(1ms);
  co_return 2;
}

rondo::task<> hello() {
  auto [a, b] = co_await rondo::gather(two(), rondo::timeout(10s, two()));
  if (a + b != 4) throw std::runtime_error("two and two are not four");
}

int main() { return rondo::run_main(hello()); }
END
not_in='librondo\.a[:(][^ )]*(rondo_http|llhttp)[^ )]*|lib(z|brotli[a-z]*|zstd|psl|idn2|nghttp2)\.so[.0-9]*'
part net <<'END'
#include <rondo/net.hpp>
#include <rondo/runtime.hpp>

rondo::task<> hello() {
  auto listener = rondo::net::tcp_listener::bind(rondo::net::endpoint::parse("127.0.0.1:0"));
  const auto at = listener.local_endpoint();
  auto stream = co_await rondo::net::tcp_stream::connect(at);
  auto peer = co_await listener.accept();
}

int main() { return rondo::run_main(hello()); }
END

echo "consume: pkg-config by meson"
new_project installed
meson setup --wrap-mode=nofallback "$work/installed/build" "$work/installed"
ninja -C "$work/installed/build"
run_on_both "$work/installed/build/consumer"

if command -v cmake >/dev/null; then
  echo "consume: CMake's find_package"
  new_project found
  cat >"$work/found/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.20)
project(consumer CXX)
find_package(rondo 0.2 REQUIRED)
add_executable(consumer consumer.cpp)
target_link_libraries(consumer PRIVATE rondo::rondo)
# What it is not must not be found.
find_package(rondo 0.1 QUIET)
find_package(rondo 9.0 QUIET)
if(rondo_CONSIDERED_VERSIONS STREQUAL "" OR rondo_FOUND)
  message(FATAL_ERROR "another version of Rondo was found than the one asked for")
endif()
END
  cmake -S "$work/found" -B "$work/found/build" -DCMAKE_CXX_COMPILER="${compiler[0]}" \
    -DCMAKE_PREFIX_PATH="$(pkg-config --variable=prefix rondo)"
  cmake --build "$work/found/build"
  run_on_both "$work/found/build/consumer"
else
  echo "consume: no cmake here: find_package is not tried"
fi

echo "consume: meson subproject"
new_project subproject
mkdir "$work/subproject/subprojects"
ln -s "$source_root" "$work/subproject/subprojects/rondo"
# Unoptimized and without debug information: quick, and yet another way to build the archive.
meson setup --force-fallback-for=rondo --buildtype=debug -Ddebug=false \
  "$work/subproject/build" "$work/subproject"
if ninja -C "$work/subproject/build" -t targets all | grep -E '(^|/)(test_|bench_)'; then
  echo "consume: the subproject builds tests or benchmarks" >&2
  exit 1
fi
compiled=$(ninja -C "$work/subproject/build" -t targets all | grep -c 'subprojects/rondo/.*\.cpp\.o: ')
if ((compiled > 20)); then
  echo "consume: the subproject compiles its sources one by one, in $compiled steps" >&2
  exit 1
fi
# A whole build of the library once more: the lint `install` makes one, and so does the amalgamation.
if [[ -n ${RONDO_TEST_LONG:-} ]]; then
  ninja -C "$work/subproject/build"
  run_on_both "$work/subproject/build/consumer"
fi
