#!/bin/bash
# What install puts below a prefix uninstall takes away, with the directories made for it and nothing else.
. "$CHECK_ROOT/Tests/Install/check.bash"

# A prefix in use: files and empty directories of others stay, also in directories that kaio uses too.
mkdir -p prefix/bin prefix/lib/pkgconfig prefix/share/man/man1 prefix/share/empty
echo other >prefix/bin/other
echo other >prefix/lib/pkgconfig/other.pc
before=$(tree prefix)
install_to "$PWD/prefix"
for file in bin/kaio lib/libkaio.so lib/libkaio.so.1 "lib/libkaio.so.$version" lib/libkaio.a include/kaio.h \
    include/kaio_vfs.h lib/pkgconfig/kaio.pc lib/cmake/kaio/kaioConfig.cmake share/bash-completion/completions/kaio; do
    [[ -e prefix/$file ]] || fail "$file is not installed"
done
PREFIX=$PWD/prefix "$CHECK_ROOT/Tools/install" --uninstall >/dev/null
[[ $(tree prefix) == "$before" ]] || fail "left or lost: $(diff <(echo "$before") <(tree prefix) | sed -n 2p)"

# A prefix that was not there; twice, as after an update; and a module that a person put beside the library stays.
install_to "$PWD/a/new/prefix"
install_to "$PWD/a/new/prefix"
PREFIX=$PWD/a/new/prefix "$CHECK_ROOT/Tools/install" --uninstall >/dev/null
[[ ! -e a ]] || fail "left: $(find a | tail -n 1)"
# What a person put into a directory that was made for kaio.
install_to "$PWD/prefix"
mkdir prefix/lib/kaio
touch prefix/lib/kaio/mine.so prefix/include/mine.h
PREFIX=$PWD/prefix "$CHECK_ROOT/Tools/install" --uninstall >/dev/null
[[ -e prefix/lib/kaio/mine.so && -e prefix/include/mine.h ]] || fail "a person's file was removed"
rm -r prefix/lib/kaio prefix/include

# An installation that ends in the middle, here at the first large file, can be taken away.
if (ulimit -f 4096 && install_to "$PWD/prefix" 2>/dev/null); then fail "a full disk is not noticed"; fi
[[ -e prefix/include/kaio.h ]] || fail "it ended too early for this test"
PREFIX=$PWD/prefix "$CHECK_ROOT/Tools/install" --uninstall >/dev/null
[[ $(tree prefix) == "$before" ]] || fail "interrupted, then left: $(diff <(echo "$before") <(tree prefix) | sed -n 2p)"

# A second uninstall finds nothing and says so.
if PREFIX=$PWD/prefix "$CHECK_ROOT/Tools/install" --uninstall 2>message; then fail "uninstall of nothing succeeds"; fi
grep -q "nothing of kaio's" message || fail "uninstall of nothing says: $(cat message)"
