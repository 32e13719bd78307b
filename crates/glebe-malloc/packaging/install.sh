#!/usr/bin/env bash
# Installs libglebe.so, libglebe.a, glebe.h, the manual pages and the files by which pkg-config and
# CMake find the library; libglebe_mem and the glebe command, too, if they were built.
# `install.sh --help` lists the options.
#
# The library is installed under its soname. Nothing outside the prefix is changed: no ld.so.conf,
# no ld.so.preload.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
build=${CARGO_TARGET_DIR:-$root/target}/release
prefix=/usr/local
libdir=
includedir=
mandir=
destdir=${DESTDIR:-}
soname=libglebe.so.1

help() {
    cat <<END
usage: install.sh [OPTION]...

  --build DIR        where \`./x build\` left the libraries ($build)
  --prefix DIR       where to install ($prefix)
  --libdir DIR       for libraries (PREFIX/lib)
  --includedir DIR   for the header (PREFIX/include)
  --mandir DIR       for the manual pages (PREFIX/share/man)
  --destdir DIR      put everything under DIR, for packages (\$DESTDIR)
  --help             this text
END
}

fail() {
    echo "install.sh: $*" >&2
    exit 1
}

while (($#)); do
    case $1 in
        --help | -h)
            help
            exit
            ;;
        --build | --prefix | --libdir | --includedir | --mandir | --destdir)
            (($# > 1)) || fail "$1 needs a folder; --help lists the options"
            # Folders that end up in files must not depend on where we are.
            printf -v "${1#--}" '%s' "$(realpath -m -- "$2")"
            shift 2
            ;;
        *) fail "there is no option \`$1\`; --help lists them" ;;
    esac
done
libdir=${libdir:-$prefix/lib}
includedir=${includedir:-$prefix/include}
mandir=${mandir:-$prefix/share/man}

from_cargo() {
    sed -n "/^\[workspace.package\]/,/^\[/s/^$1 = \"\(.*\)\"/\1/p" "$root/Cargo.toml"
}

version=$(from_cargo version)
url=$(from_cargo repository)
[[ $version && $url ]] || fail "cannot read version and repository from $root/Cargo.toml"

fill_in() {
    local include_from_lib
    include_from_lib=$(realpath -m --relative-to="$libdir" "$includedir")
    sed -e "s|@prefix@|$prefix|g" -e "s|@libdir@|$libdir|g" -e "s|@includedir@|$includedir|g" \
        -e "s|@version@|$version|g" -e "s|@url@|$url|g" \
        -e "s|@include_from_lib@|$include_from_lib|g" "$here/$1.in"
}

put() {
    local mode=$1 from=$2 to=$destdir$3
    install -D -m "$mode" "$from" "$to" || fail "cannot install $to"
    echo "$to"
}

put_filled_in() {
    local filled
    filled=$(mktemp)
    fill_in "$1" >"$filled"
    put 644 "$filled" "$2/$1"
    rm -f "$filled"
}

# One line that leads from a function's name to the page that all of them share.
put_manual_of_functions() {
    put_filled_in glebe.3 "$mandir/man3"
    local name link
    link=$(mktemp)
    echo '.so man3/glebe.3' >"$link"
    # The names stand before the dash, over several lines.
    while read -r name; do
        put 644 "$link" "$mandir/man3/$name.3"
    done < <(sed -n '/^\.SH NAME/,/^\.SH LIBRARY/p' "$here/glebe.3.in" |
        grep -o 'glebe_[a-z0-9_]*')
    rm -f "$link"
}

for library in libglebe.so libglebe.a; do
    [[ -f $build/$library ]] || fail "$build/$library is missing: \`./x build\` makes it"
done
put 755 "$build/libglebe.so" "$libdir/$soname"
ln -sfn "$soname" "$destdir$libdir/libglebe.so"
put 644 "$build/libglebe.a" "$libdir/libglebe.a"
put 644 "$here/../include/glebe.h" "$includedir/glebe.h"
put_filled_in glebe.pc "$libdir/pkgconfig"
put_filled_in glebeConfig.cmake "$libdir/cmake/glebe"
put_filled_in glebeConfigVersion.cmake "$libdir/cmake/glebe"
put_manual_of_functions
put_filled_in glebe.7 "$mandir/man7"
if [[ -f $build/libglebe_mem.so && -f $build/libglebe_mem.a ]]; then
    put 755 "$build/libglebe_mem.so" "$libdir/libglebe_mem.so"
    put 644 "$build/libglebe_mem.a" "$libdir/libglebe_mem.a"
    put 644 "$root/crates/glebe-mem/include/glebe_mem.h" "$includedir/glebe_mem.h"
fi
if [[ -x $build/glebe ]]; then
    put 755 "$build/glebe" "$prefix/bin/glebe"
fi
