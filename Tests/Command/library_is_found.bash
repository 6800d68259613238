#!/bin/bash
# holds: The library is found beside the command, in lib beside its directory, and where the loader looks.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

with_version() {
    expect 0 "$@" --version
    sed -n 's/^library .* (\(.*\))$/\1/p' out
}
install -D "$CHECK_COMMAND" one/bin/kaio
ln -s libkaio.so.0.1.0 link
for place in bin lib "lib/$(gcc -print-multiarch)"; do
    install -D "$CHECK_LIBRARY" "one/$place/libkaio.so.0.1.0"
    cp -P link "one/$place/libkaio.so.1"
    found=$(with_version one/bin/kaio)
    [[ $found == "$PWD/one/$place/libkaio.so.0.1.0" ]] || fail "in $place it finds '$found'"
    # shellcheck disable=SC2016 # the shell in it is to expand that
    expect 0 one/bin/kaio run sh -c 'echo "$LD_PRELOAD"'
    has out "^$PWD/one/$place/libkaio.so.0.1.0\$"
    rm "one/$place"/libkaio*
done
install -D "$CHECK_LIBRARY" elsewhere/libkaio.so.1
LD_LIBRARY_PATH=$PWD/elsewhere expect 0 one/bin/kaio run sh -c 'cat /proc/$$/maps'
has out 'elsewhere/libkaio.so.1$'

# Some systems have one installed.
if ! ldconfig -p | grep -q libkaio; then
    expect 125 one/bin/kaio run true
    has err 'error: no libkaio.so.1: neither in .*/one/bin'
    expect 2 one/bin/kaio --version
    expect 1 one/bin/kaio doctor
    has out '^missing +library'
fi
# A name that LD_PRELOAD can't have.
install -D "$CHECK_LIBRARY" 'a b/libkaio.so.1'
expect 125 one/bin/kaio run --library 'a b/libkaio.so.1' true
has err "can't be preloaded"
