#!/usr/bin/env bash
# Installs what Glebe's build and tests need and this machine lacks; quick when all is there.
#
#   scripts/setup.sh [--quiet] [build|test|bench]
#
# `build` asks only for Rust and a linker; `test` (the default) also for the real programs that the
# tests put on the allocator, the peers they are compared with, and the measuring tools; `bench` for
# those and for all programs of `glebe bench real`. What is there is found by looking for the
# program or library itself, so one that did not come from a Debian package counts, too.
set -euo pipefail

# What to look for (a program, or a path that may hold wildcards), and its Debian 12 package.
BUILD_NEEDS=(
    cc:gcc
)
TEST_NEEDS=(
    gcc:gcc
    g++:g++
    make:make
    ar:binutils
    awk:mawk
    bash:bash
    find:findutils
    git:git
    gzip:gzip
    node:nodejs
    perl:perl
    python3:python3
    qemu-system-x86_64:qemu-system-x86
    redis-benchmark:redis-tools
    redis-server:redis-server
    shellcheck:shellcheck
    sqlite3:sqlite3
    strace:strace
    cmake:cmake
    pkg-config:pkg-config
    groff:groff-base
    tar:tar
    valgrind:valgrind
    xz:xz-utils
    /usr/include/valgrind/callgrind.h:valgrind
    '/usr/lib/postgresql/*/bin/initdb:postgresql'
    '/usr/lib/postgresql/*/bin/pgbench:postgresql-contrib'
    '/usr/lib/*/libjemalloc.so.2:libjemalloc2'
    '/usr/lib/*/libmimalloc.so.2.0:libmimalloc2.0'
    '/usr/lib/*/libtcmalloc_minimal.so.4:libtcmalloc-minimal4'
)
# `glebe bench real` takes Debian's own rustc: Rust's has an allocator inside.
BENCH_NEEDS=(
    db_bench:rocksdb-tools
    gs:ghostscript
    lua5.4:lua5.4
    ruby:ruby
    z3:z3
    /usr/bin/rustc:rustc
)

say() {
    [[ $quiet ]] || echo "setup: $*" >&2
}

fail() {
    echo "setup: $*" >&2
    exit 1
}

is_there() {
    if [[ $1 == /* ]]; then
        compgen -G "$1" >/dev/null
    else
        command -v "$1" >/dev/null
    fi
}

check_rust() {
    local needed have
    needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    is_there cargo || fail "no Rust: install $needed or newer as https://rustup.rs shows," \
        "open a new shell and try again"
    have=$(cargo --version | cut -d' ' -f2)
    if [[ $(printf '%s\n' "$needed" "$have" | sort -V | head -n 1) != "$needed" ]]; then
        fail "Rust $have is too old for Glebe, which needs $needed: try \`rustup update stable\`"
    fi
}

# The packages of all needs that are not met, in `missing`.
find_missing() {
    missing=()
    local need
    for need in "$@"; do
        is_there "${need%:*}" || missing+=("${need##*:}")
    done
}

install_missing() {
    local -a root=()
    is_there apt-get || fail "please install what Debian calls: ${missing[*]}"
    if ((EUID != 0)); then
        root=(sudo)
        # Without a terminal nobody can type a password.
        [[ -t 0 ]] || root=(sudo -n)
        { is_there sudo && "${root[@]}" true; } ||
            fail "not root, and sudo does not work. As root: apt-get install ${missing[*]}"
    fi
    say "installing ${missing[*]}"
    local log
    log=$(mktemp)
    # A source that cannot be reached may be one we do not need: the installation decides.
    "${root[@]}" apt-get update >"$log" 2>&1 ||
        say "apt-get update had trouble; trying all the same"
    # RUNLEVEL=1 keeps the packages from starting their servers.
    if ! "${root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install \
        --yes --no-install-recommends "${missing[@]}" >>"$log" 2>&1 </dev/null; then
        tail -n 30 "$log" >&2
        fail "apt-get could not install ${missing[*]}; its output is in $log"
    fi
    rm -f "$log"
}

main() {
    local scope=test argument
    quiet=''
    for argument in "$@"; do
        case $argument in
            --quiet) quiet=yes ;;
            build | test | bench) scope=$argument ;;
            *) fail "unknown \`$argument\`; usage: setup.sh [--quiet] [build|test|bench]" ;;
        esac
    done
    [[ $(uname -sm) == "Linux x86_64" ]] || fail "Glebe needs Linux on x86-64, not $(uname -sm)"
    cd "$(dirname "${BASH_SOURCE[0]}")/.."
    check_rust
    local -a needs=("${BUILD_NEEDS[@]}")
    [[ $scope == build ]] || needs+=("${TEST_NEEDS[@]}")
    [[ $scope != bench ]] || needs+=("${BENCH_NEEDS[@]}")
    find_missing "${needs[@]}"
    if ((${#missing[@]})); then
        install_missing
        find_missing "${needs[@]}"
        ((${#missing[@]} == 0)) || fail "still missing after the installation: ${missing[*]}"
    fi
    say "everything is there"
}

main "$@"
