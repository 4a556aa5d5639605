#!/usr/bin/env bash
# Headers of one version link with an archive of the same, and with no other: the linker then names
# the headers' version. So it is whichever linker, at -O2, with LTO and with --gc-sections, even for
# a program that uses nothing of the archive.
#
# usage: run.sh SOURCE_ROOT LIBRONDO COMPILER...
set -euo pipefail

source_root=$1
archive=$2
shift 2
compiler=("$@")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The same header, of a version that never was.
mkdir -p "$work/other/rondo"
sed -E 's/(#define RONDO_VERSION) [0-9]+/\1 909/; s/version_[0-9]+_[0-9]+_[0-9]+/version_0_9_9/' \
  "$source_root/include/rondo/version.hpp" >"$work/other/rondo/version.hpp"
printf '#include <rondo/version.hpp>\nint main() {}\n' >"$work/main.cpp"

linkers=(bfd)
if command -v ld.lld >/dev/null; then linkers+=(lld); fi
ways=(-O0 -O2 '-O2 -flto' '-O2 -ffunction-sections -fdata-sections -Wl,--gc-sections'
  '-O2 -flto -ffunction-sections -fdata-sections -Wl,--gc-sections')
failed=0
count=0
for linker in "${linkers[@]}"; do
  for way in "${ways[@]}"; do
    read -ra options <<<"-std=c++20 -fuse-ld=$linker $way"
    if ! "${compiler[@]}" "${options[@]}" -I "$source_root/include" "$work/main.cpp" "$archive" \
      -o "$work/main" >"$work/log" 2>&1; then
      # clang's LTO wants a plug-in of bfd that need not be installed.
      if grep -q 'LLVMgold.so.*error loading plugin' "$work/log"; then
        echo "version: no plug-in for ${options[*]}"
        continue
      fi
      echo "version: one version does not link (${options[*]}):"
      cat "$work/log"
      failed=1
    fi
    if "${compiler[@]}" "${options[@]}" -I "$work/other" "$work/main.cpp" "$archive" \
      -o "$work/main" >"$work/log" 2>&1; then
      echo "version: two versions link (${options[*]})"
      failed=1
    elif ! grep -q 'version_0_9_9::headers_and_archive_are_of_one_version' "$work/log"; then
      echo "version: the linker does not name the version (${options[*]}):"
      cat "$work/log"
      failed=1
    fi
    count=$((count + 1))
  done
done
((failed == 0)) && echo "version: refused in $count ways"
