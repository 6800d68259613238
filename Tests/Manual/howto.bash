#!/bin/bash
# The commands of docs/howto.md do what it says, as they stand, but for the path of the library; and kaio does the requests.
. "$CHECK_ROOT/Tests/parts/support.bash"

awk '/^```(c|sh)$/ { file = ++n "." substr($0, 4); next } /^```$/ { file = "" } file { print >file }' "$CHECK_ROOT/docs/howto.md"
[[ -e 1.sh && -e 4.sh && -e 5.sh && -e 6.c && -e 7.sh && -e 8.sh ]] || fail "other blocks than expected:" ./*
mv 6.c stripes.c
for script in ./*.sh; do
    grep -q /usr/local/lib/libkaio.so "$script" || fail "$script does not name the library"
    sed -i "s|/usr/local/lib/libkaio.so|$CHECK_LIBRARY|; s|Examples/sqlite|$CHECK_ROOT/&|" "$script"
    bash -eu "$script" >said 2>&1 || fail "$(<"$script") fails: $(tail -n3 said)"
    grep -qE '^kaio [0-9.]+[,:]' said || fail "$(<"$script"): kaio was not there: $(tail -n3 said)"
    cat said >>all
done
(($(grep -cE '^  requests +16384 read, 0 write' all) == 2)) || fail "fio's reads were not kaio's: $(grep requests all)"
grep -qE '^  bufio +hits [0-9]{5}, misses [0-9]{1,4},' all || fail "bufio: $(grep bufio all)"
(($(grep -cx '33334|27779444461111' all) == 2 && $(grep -cx ok all) == 2)) || fail "SQLite: $(grep -E '^(ok|[0-9]+[|])' all)"
grep -q 'successful run' all || fail "stress-ng: $(grep stress-ng all)"
[[ $(grep -cE '^  requests +32 read, 32 write' all) == 2 ]] || fail "the MPI processes: $(grep requests all)"
grep -q 'all blocks are right' all || fail "the MPI program does not say that all blocks are right"
for file in *; do
    [[ $file == @([0-9].sh|stripes|stripes.c|said|all) ]] || fail "left behind: $file"
done
