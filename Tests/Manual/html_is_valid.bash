#!/bin/bash
# Every HTML page of the manual is valid, as HTML Tidy sees it.
. "$CHECK_ROOT/Tests/parts/support.bash"

"$CHECK_ROOT/Tools/manual" html html
for page in html/*.html; do
    complaints=$(tidy -errors -quiet "$page" 2>&1) || fail "tidy: $page: $(head -n1 <<<"$complaints")"
    [[ ! $complaints ]] || fail "tidy: $page: $(head -n1 <<<"$complaints")"
done
[[ -s html/index.html ]] || fail "there is no index"
