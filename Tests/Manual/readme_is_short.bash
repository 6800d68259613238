#!/bin/bash
# The README has at most 150 lines, its first screen links to what a newcomer asks first, and no sentence has a test's name in it.
. "$CHECK_ROOT/Tests/parts/support.bash"

readme=$CHECK_ROOT/README.md
lines=$(wc -l <"$readme")
((lines <= 150)) || fail "README.md has $lines lines"
for page in programs support; do
    head -n 25 "$readme" | grep -q "(docs/$page.md)" || fail "the first lines of README.md have no link to docs/$page.md"
done
! grep -n 'Tests/run' "$readme" >named || fail "README.md names a test: $(head -n1 named)"
