#!/usr/bin/env bash
# The ten static probes stand in what is compiled with -Dprobes=enabled, by name and with their arguments, each script
# of share/ uses probes that are there, and a program without them has none. Exit 77 where <sys/sdt.h> or readelf is
# missing.
#
# usage: probes.sh SOURCE_ROOT ARCHIVE_WITHOUT_OR_WITH COMPILER...
set -euo pipefail
root=$1 archive=$2
shift 2

command -v readelf >/dev/null || { echo "skipped: no readelf"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
echo '#include <sys/sdt.h>' >"$folder/has.cpp"
"$@" -fsyntax-only "$folder/has.cpp" 2>/dev/null || { echo "skipped: no <sys/sdt.h> (systemtap-sdt-dev)"; exit 77; }

"$@" -std=c++20 -O2 -DRONDO_HAVE_PROBES=1 -I"$root/include" -c "$root/runtime/core/probes.cpp" -o "$folder/probes.o"
readelf -n "$folder/probes.o" >"$folder/notes"
names=$(sed -n 's/^ *Name: //p' "$folder/notes" | sort)
wanted="job__cancelled
loop__begins
loop__ends
request__begins
request__ends
step__begins
step__ends
turn__begins
wait__begins
wait__ends"
[[ $names == "$wanted" ]] || { printf 'the probes are\n%s\nand not\n%s\n' "$names" "$wanted"; exit 1; }
(($(grep -c 'Provider: rondo' "$folder/notes") == 10))
# An argument is SIZE@PLACE.
arguments=$(sed -n 's/^ *Arguments: //p' "$folder/notes" | wc -w)
((arguments == 23)) || { echo "$arguments arguments, not 23"; exit 1; }

used=$(grep -ohE 'rondo:[a-z_]+' "$root"/share/rondo/bpftrace/*.bt | sed 's/rondo://' | sort -u)
for name in $used; do
  grep -qx "$name" <<<"$wanted" || { echo "a script uses $name, which is no probe"; exit 1; }
done

in_archive=$(readelf -n "$archive" 2>/dev/null | grep -c 'Provider: rondo' || true)
((in_archive == 0 || in_archive == 10)) || { echo "the archive has $in_archive probes"; exit 1; }
echo "10 probes, $arguments arguments; the archive has $in_archive"
