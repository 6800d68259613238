#!/bin/bash
# Installing over an earlier version removes the files that the new one has no more, and uninstall still finds the rest.
. "$CHECK_ROOT/Tests/Install/check.bash"

mkdir prefix
before=$(tree prefix)
install_to "$PWD/prefix"
# As an earlier version would have left it.
mkdir prefix/share/old
echo old | tee prefix/share/old/page prefix/lib/libkaio.so.0.0.9 >/dev/null
printf '%s\n' 'file share/old/page' 'file lib/libkaio.so.0.0.9' 'directory share/old' >>prefix/share/kaio/manifest
install_to "$PWD/prefix"
[[ ! -e prefix/share/old/page && ! -e prefix/lib/libkaio.so.0.0.9 ]] || fail "a file of the earlier version is left"
[[ $(readlink prefix/lib/libkaio.so.1) == "libkaio.so.$version" ]] || fail "libkaio.so.1 is not the new version"
PREFIX=$PWD/prefix "$CHECK_ROOT/Tools/install" --uninstall >/dev/null
[[ $(tree prefix) == "$before" ]] || fail "left: $(find prefix | tail -n 1)"
