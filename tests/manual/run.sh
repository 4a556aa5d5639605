#!/usr/bin/env bash
# The command's manual page and completion say what its --help says, and work.
#
# usage: run.sh PROGRAM
set -euo pipefail

program=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
  echo "manual: $*" >&2
  exit 1
}

"$program" --version | grep -qE '^rondo [0-9]+\.[0-9]+\.[0-9]+$' || fail "--version names no version"

"$program" --manual >"$work/rondo.1"
# Every long option that a --help shows, with the markup taken off.
sed -e 's/\\f[BRI]//g' -e 's/\\-/-/g' "$work/rondo.1" >"$work/text"
for command in serve fetch load ws; do
  "$program" "$command" --help >"$work/help"
  mapfile -t options < <(grep -oE '^ +(-[A-Za-z],)?--[a-z-]+' "$work/help" | grep -oE -- '--[a-z-]+')
  ((${#options[@]} > 3)) || fail "no options in the --help of $command"
  for option in "${options[@]}"; do
    grep -q -- "$option" "$work/text" || fail "the page has no $option of $command"
  done
done
grep -q 'redirects: too many' "$work/text" || fail "the page has no exit codes"
if command -v mandoc >/dev/null; then
  # No date: the page is the same whenever it was made.
  mandoc -Tlint -Wwarning "$work/rondo.1" | grep -v 'missing date' >"$work/complaints" || true
  if [[ -s $work/complaints ]]; then fail "$(cat "$work/complaints")"; fi
fi

"$program" --completion >"$work/completion"
# shellcheck disable=SC1091  # it was made just now
source "$work/completion"
completed() {
  COMP_WORDS=("$@")
  COMP_CWORD=$(($# - 1))
  COMPREPLY=()
  _rondo
  echo "${COMPREPLY[*]:-}"
}
[[ $(completed rondo f) == fetch ]] || fail "rondo f: $(completed rondo f)"
[[ $(completed rondo load --ra) == --rate ]] || fail "rondo load --ra: $(completed rondo load --ra)"
[[ -z $(completed rondo serve --ra) ]] || fail "rondo serve --ra: $(completed rondo serve --ra)"
[[ -z $(completed rondo fetch -o ma) ]] || fail "rondo fetch -o ma: $(completed rondo fetch -o ma)"
echo "manual: page and completion have the options of --help"
