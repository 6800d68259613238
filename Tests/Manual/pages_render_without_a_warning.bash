#!/bin/bash
# Every man page is rendered by man-db's man and by mandoc without a word of complaint, and fits into a terminal of 80 columns.
. "$CHECK_ROOT/Tests/parts/support.bash"

"$CHECK_ROOT/Tools/manual" man man
for page in man/*; do
    warnings=$(man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >rendered)
    [[ ! $warnings ]] || fail "man: $page: $warnings"
    [[ -s rendered ]] || fail "man: $page: nothing is rendered"
    MANWIDTH=80 man -E ascii -l "$page" | col -bx | grep -nE '.{81}' >wide && fail "man: $page: too wide: $(head -n1 wide)"
    warnings=$(mandoc -T lint -W warning "$page" 2>&1) || fail "mandoc: $warnings"
    # What Markdown has and nobody turned into man's macros.
    ! sed '/^\.EX/,/^\.EE/d' "$page" | grep -nE '^\||^#|\]\(|(^|[^B])\*\*|<!--' >left || fail "$page: $(head -n1 left)"
done
