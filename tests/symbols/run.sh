#!/usr/bin/env bash
# Every symbol that librondo.a defines for others carries the project's name, so that it clashes
# with nothing a user links (an llhttp of their own, for instance). Weak symbols are what templates
# and inline functions leave behind; the linker merges them.
#
# usage: run.sh NM LIBRONDO
set -euo pipefail

nm=$1
archive=$2

symbols=$("$nm" --extern-only --defined-only --format=posix "$archive")
strong=$(awk 'NF >= 2 && $2 ~ /^[A-TX-Z]$/ { print $1 }' <<<"$symbols")
if [[ -z $strong ]]; then
  echo "symbols: $archive defines nothing" >&2
  exit 1
fi

# In a mangled name, 5rondo is the namespace: of the function itself, or of a type that it is made
# for, as in std::hash<rondo::…>, which nobody else can define.
foreign=$(grep -vE '^(rondo_|_Z.*5rondo)' <<<"$strong" || true)
if [[ -n $foreign ]]; then
  echo "symbols: $archive exports names that are not Rondo's:" >&2
  echo "$foreign" >&2
  exit 1
fi
echo "symbols: $(wc -l <<<"$strong") names, all Rondo's"
