#!/usr/bin/env bash
# Misuse that must not compile: each file here is refused, with the sentence that its first line names.
#
# usage: run.sh SOURCE_ROOT COMPILER...
set -uo pipefail
root=$1
shift

failed=0
compile() { "$@" -std=c++20 -fsyntax-only -I "$root/include"; }

# accepted.cpp has no such line and compiles: what is refused is refused for its own reason.
for file in "$root"/tests/negative/*.cpp; do
  name=$(basename "$file" .cpp)
  sentence=$(sed -n '1s|^// refused: ||p' "$file")
  output=$(compile "$@" "$file" 2>&1)
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
  else
    echo "ok $name"
  fi
done
exit "$failed"
