#!/usr/bin/env bash
# Misuse that must not compile: each file here is refused, with the sentence that its first line names; as often
# as a second line says, if there is one (`// times: 3`).
#
# usage: run.sh SOURCE_ROOT COMPILER...
set -uo pipefail
root=$1
shift

# The headers are read once.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for umbrella in runtime net http patterns; do
  echo "#include <rondo/$umbrella.hpp>"
done >"$folder/all.hpp"
options=(-I "$root/include")
if [[ " $* " != *" -std="* ]]; then options+=(-std=c++20); fi
"$@" "${options[@]}" -x c++-header "$folder/all.hpp" -o "$folder/all.hpp.gch" || exit 1

options+=(-include "$folder/all.hpp" -fsyntax-only)
if "$@" --version | grep -q clang; then options+=(-ferror-limit=0); fi

failed=0
# accepted.cpp has no such line and compiles: what is refused is refused for its own reason.
for file in "$root"/tests/negative/*.cpp; do
  name=$(basename "$file" .cpp)
  sentence=$(sed -n '1s|^// refused: ||p' "$file")
  times=$(sed -n '2s|^// times: ||p' "$file")
  output=$("$@" "${options[@]}" "$file" 2>&1)
  status=$?
  if [[ -z $sentence ]]; then
    if ((status != 0)); then
      printf 'FAILED %s: does not compile, and should\n%s\n' "$name" "$output"
      failed=1
    fi
  elif ((status == 0)); then
    echo "FAILED $name: compiles, and should be refused"
    failed=1
  elif ! grep -qF -- "$sentence" <<<"$output"; then
    printf 'FAILED %s: refused without the sentence "%s"\n%s\n' "$name" "$sentence" "$output"
    failed=1
  elif [[ -n $times && $(grep -F error: <<<"$output" | grep -cF -- "$sentence") != "$times" ]]; then
    printf 'FAILED %s: the sentence "%s" does not come %s times\n%s\n' "$name" "$sentence" "$times" "$output"
    failed=1
  else
    echo "ok $name"
  fi
done
exit "$failed"
