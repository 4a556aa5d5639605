# What the scripts share. Sourced, not run: it goes to the root of the tree, and chooses the
# compiler. CC and CXX that are already set are respected.
# shellcheck shell=bash

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

say() { printf '\n==> %s\n' "$*"; }

die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

choose_compiler() {
  local ccache=""
  if have ccache; then
    ccache="ccache "
    # What ccache needs to know about precompiled headers before it caches their users.
    export CCACHE_SLOPPINESS=${CCACHE_SLOPPINESS:-pch_defines,time_macros}
  fi
  if [[ -z ${CXX:-} ]]; then
    if have clang++-19; then
      export CXX="${ccache}clang++-19" CC="${CC:-${ccache}clang-19}"
    elif have clang++; then
      export CXX="${ccache}clang++" CC="${CC:-${ccache}clang}"
    else
      die "no clang++-19 and no clang++; run scripts/setup, or set CXX to GCC 13 or newer"
    fi
    if have ld.lld; then
      export CXX_LD="${CXX_LD:-lld}" CC_LD="${CC_LD:-lld}"
    fi
  fi
}

# What the scripts build is built again after a change: fewer sources as one than meson.build has it.
# shellcheck disable=SC2034  # it is for those who source this
as_one=(-Dunity=on -Dunity_size=6)

# configure DIRECTORY [meson option...]: makes the build directory, or brings its options up to date.
configure() {
  local directory=$1
  shift
  choose_compiler
  if [[ ${CI:-} == true ]]; then
    set -- --werror "$@"
  fi
  if [[ -f $directory/build.ninja ]]; then
    say "reconfiguring $directory ($*)"
    meson setup --reconfigure "$directory" "$@" >"$directory/setup.log" ||
      { cat "$directory/setup.log" >&2; die "meson failed"; }
  else
    say "configuring $directory ($*)"
    meson setup "$directory" "$@"
  fi
}

# build DIRECTORY [target...]: RONDO_JOBS limits how many compilers run at once.
build() {
  local directory=$1
  shift
  say "building $directory ${*:-(everything)}"
  ninja -C "$directory" ${RONDO_JOBS:+-j "$RONDO_JOBS"} "$@"
}

# sources: every C++ file of the project, tracked or new; without git, whatever is there.
sources() {
  local folders=(runtime net http patterns testing tests bench examples tools include)
  {
    git ls-files -co --exclude-standard -- "${folders[@]}" 2>/dev/null ||
      find "${folders[@]}" -type f
  } | grep -E '\.[ch]pp$' | sort -u | while read -r file; do
    if [[ -f $file ]]; then echo "$file"; fi
  done
}

# changed_sources: those of them that differ from where this branch began: the merge base with the
# main branch, or the parent commit on the main branch itself. All of them when there is neither.
changed_sources() {
  local base="" main
  for main in origin/HEAD origin/main origin/master main master; do
    if base=$(git merge-base HEAD "$main" 2>/dev/null); then break; fi
    base=""
  done
  if [[ -z $base || $base == "$(git rev-parse HEAD 2>/dev/null)" ]]; then
    base=$(git rev-parse --verify --quiet HEAD^ 2>/dev/null || true)
  fi
  if [[ -z $base ]]; then
    sources
    return
  fi
  comm -12 <(sources) <({
    git diff --name-only --diff-filter=d "$base"
    git ls-files -o --exclude-standard
  } | sort -u)
}
