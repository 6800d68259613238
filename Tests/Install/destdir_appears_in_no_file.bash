#!/bin/bash
# With DESTDIR and LIBDIR everything lies below DESTDIR, under the names of PREFIX and LIBDIR, and no file names DESTDIR.
. "$CHECK_ROOT/Tests/Install/check.bash"

install_to /usr LIBDIR=/usr/lib/some-triplet DESTDIR="$PWD/stage"
[[ $(ls stage) == usr && $(ls stage/usr/lib) == some-triplet ]] || fail "there is $(find stage -maxdepth 3 | tr '\n' ' ')"
[[ -e stage/usr/lib/some-triplet/libkaio.so.1 ]] || fail "the library is not in LIBDIR"
if grep -rl "$PWD" stage; then fail "DESTDIR is named by $(grep -rl "$PWD" stage | head -n 1)"; fi
DESTDIR=$PWD/stage PREFIX=/usr "$CHECK_ROOT/Tools/install" --uninstall >/dev/null
[[ $(find stage) == stage ]] || fail "left: $(find stage | tail -n 1)"

# From make, which hands the same settings on.
make -s -C "$CHECK_ROOT" -o all install PREFIX=/opt/kaio DESTDIR="$PWD/stage" >/dev/null
[[ -x stage/opt/kaio/bin/kaio ]] || fail "make install does not hand on PREFIX and DESTDIR"
make -s -C "$CHECK_ROOT" uninstall PREFIX=/opt/kaio DESTDIR="$PWD/stage" >/dev/null
[[ $(find stage) == stage ]] || fail "make uninstall leaves $(find stage | tail -n 1)"
