#!/bin/bash
# The installed kaio command finds the installed library, in PREFIX/lib as in a LIBDIR of many architectures.
. "$CHECK_ROOT/Tests/Install/check.bash"

write_program
sed -i 's/kaio_version()/"'"$version"'"/' program.c
cc -I"$CHECK_ROOT/include" program.c -o program
triplet=$(cc -print-multiarch)
for lib in lib "lib/$triplet"; do
    install_to "$PWD/prefix" LIBDIR="$PWD/prefix/$lib"
    [[ $(prefix/bin/kaio --version) == *"$version"* ]] || fail "kaio --version says: $(prefix/bin/kaio --version)"
    output=$(KAIO_VERBOSE=1 KAIO_SHOW_STATS=1 prefix/bin/kaio run -- ./program 2>&1) || fail "kaio run: $output"
    [[ $output == *"1 read, 1 write"* ]] || fail "with LIBDIR $lib kaio did not do the requests: $output"
    PREFIX=$PWD/prefix "$CHECK_ROOT/Tools/install" --uninstall >/dev/null
done
