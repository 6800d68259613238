#!/bin/sh
# Installs kaio from the directory that this file lies in, or takes it away again.
#
#   ./install.sh [PREFIX]               below PREFIX (/usr/local)
#   ./install.sh --uninstall [PREFIX]
#
# It needs Linux on the processor that the directory is named for, and glibc 2.31 or later; nothing is fetched or compiled.
# PREFIX/share/kaio/manifest names each file that was put there, and each directory that was made; only these are removed.
set -eu

action=install
if [ "${1-}" = --uninstall ]; then
    action=uninstall
    shift
fi
prefix=${1:-/usr/local}

stop() {
    echo "install.sh: $*" >&2
    exit 1
}

case $prefix in
    /*) ;;
    *) stop "PREFIX is '$prefix'; it must be an absolute path" ;;
esac
[ $# -le 1 ] || stop "too many words; see the first lines of $0"
manifest=$prefix/share/kaio/manifest

removed() {
    [ -f "$manifest" ] || return 0
    sed -n 's/^file //p' "$manifest" | while IFS= read -r file; do rm -f "$prefix/$file"; done
    directories=$(sed -n 's/^directory //p' "$manifest" | sort -r)
    rm -f "$manifest"
    echo "$directories" | while IFS= read -r directory; do
        [ ! -d "$prefix/$directory" ] || rmdir "$prefix/$directory" 2>/dev/null || :
    done
}

if [ "$action" = uninstall ]; then
    [ -f "$manifest" ] || stop "nothing of kaio's is below $prefix ($manifest is not there)"
    [ -w "$(dirname "$manifest")" ] || stop "no right to write to $prefix; do it as root"
    removed
    echo "removed kaio from $prefix"
    exit
fi

here=$(cd "$(dirname "$0")" && pwd -P)
[ -d "$here/files/lib" ] || stop "$here/files is not there: unpack the whole archive"
machine=$(uname -m)
case $here in
    *kaio-*-linux-gnu*) case $here in *-"$machine"-linux-gnu*) ;; *) stop "this is not for $machine" ;; esac ;;
esac
glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null | sed 's/^glibc //') || glibc=
[ -n "$glibc" ] || stop "this system's C library is not glibc, which kaio needs"
oldest=$(printf '%s\n' "$glibc" 2.31 | sort -t. -k1,1n -k2,2n | head -n 1)
[ "$oldest" = 2.31 ] || stop "this system has glibc $glibc; kaio needs 2.31 or later"

# The nearest directory that is there must be one that can be written to.
place=$prefix
while [ ! -e "$place" ]; do place=$(dirname "$place"); done
[ -d "$place" ] || stop "$place is not a directory"
[ -w "$place" ] || stop "no right to write to $place; do it as root, or name a place of your own, such as \$HOME/.local"

# What an earlier version had and this one has not goes.
removed
umask 022
made=$(cd "$here/files" && find . -mindepth 1 -type d | sed 's|^\./||' | sort | while IFS= read -r directory; do
    [ -d "$prefix/$directory" ] || echo "directory $directory"
done)
[ -d "$prefix/share/kaio" ] || made="$made
directory share/kaio"
mkdir -p "$prefix/share/kaio"
{
    (cd "$here/files" && find . -mindepth 1 -not -type d | sed 's|^\./|file |' | sort)
    echo "$made" | sed '/^$/d'
} >"$manifest"
(cd "$here/files" && find . -mindepth 1 -type d) | while IFS= read -r directory; do mkdir -p "$prefix/$directory"; done
(cd "$here/files" && find . -mindepth 1 -not -type d) | while IFS= read -r file; do
    # In one step: a program that starts meanwhile finds the old file or the new one.
    cp -P "$here/files/$file" "$prefix/$file.new"
    mv -f "$prefix/$file.new" "$prefix/$file"
done
echo "installed kaio below $prefix"
[ "$prefix" != /usr/local ] || [ "$(id -u)" -ne 0 ] || ldconfig || :
