#!/usr/bin/env bash
# A project that is not Rondo builds examples/fetch_urls.cpp and runs it: with an installed archive
# through pkg-config, by hand and by meson, and with Rondo as a meson subproject.
#
# usage: run.sh SOURCE_ROOT BUILD_ROOT, with CC and CXX set to the compilers of BUILD_ROOT
set -euo pipefail

source_root=$1
build_root=$2
work=$build_root/consume
rm -rf "$work"
mkdir -p "$work"
read -ra compiler <<<"$CXX"
echo "consume: compiler ${compiler[*]}"

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
pc=$(find "$work/root" -name rondo.pc)
# The files were put under a root of their own: tell their .pc so.
sed -i "s|^prefix=|prefix=$work/root|" "$pc"
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH

echo "consume: the headers installed are the headers of the tree"
installed=$(cd "$(pkg-config --variable=includedir rondo)" && find rondo -name '*.hpp' | sort)
in_tree=$(cd "$source_root/include" && find -L rondo -name '*.hpp' | sort)
diff <(echo "$in_tree") <(echo "$installed")

echo "consume: pkg-config by hand"
new_project by_hand
# shellcheck disable=SC2046  # pkg-config prints words
"${compiler[@]}" -std=c++20 "$work/by_hand/consumer.cpp" -o "$work/by_hand/consumer" \
  $(pkg-config --cflags --libs rondo)
run_on_both "$work/by_hand/consumer"

echo "consume: pkg-config by meson"
new_project installed
meson setup --wrap-mode=nofallback "$work/installed/build" "$work/installed"
ninja -C "$work/installed/build"
run_on_both "$work/installed/build/consumer"

echo "consume: meson subproject"
new_project subproject
mkdir "$work/subproject/subprojects"
ln -s "$source_root" "$work/subproject/subprojects/rondo"
# Unoptimized, without debug information, several sources as one: quick, and yet another way to build
# the archive.
meson setup --force-fallback-for=rondo --buildtype=debug -Ddebug=false \
  -Dunity=subprojects -Dunity_size=16 \
  "$work/subproject/build" "$work/subproject"
ninja -C "$work/subproject/build"
if [[ -n $(find "$work/subproject/build/subprojects/rondo" -name 'test_*' -o -name 'bench_*') ]]; then
  echo "consume: the subproject builds tests or benchmarks" >&2
  exit 1
fi
run_on_both "$work/subproject/build/consumer"
