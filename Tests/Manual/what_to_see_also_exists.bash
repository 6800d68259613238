#!/bin/bash
# Each page that a SEE ALSO names is one of ours, or of the system's manual.
. "$CHECK_ROOT/Tests/parts/support.bash"

"$CHECK_ROOT/Tools/manual" man man
# A machine that was set up without its manual, as some containers are, can't tell about the system's pages.
has_manual=
[[ ! $(man -w 2 open 2>message) ]] || has_manual=yes
for page in man/*; do
    references=$(sed -n '/^\.SH SEE ALSO/,/^\.SH/p' "$page" | sed 's/\\f.//g; s/\\-/-/g' | grep -oE '[a-zA-Z0-9_.-]+\([1-8]\)') ||
        fail "$page: it has no SEE ALSO"
    for reference in $references; do
        name=${reference%(*} section=${reference##*(} section=${section%)}
        if [[ $name == kaio* ]]; then
            [[ -e man/$name.$section ]] || fail "$page: there is no $reference"
        elif [[ $has_manual ]]; then
            man -w "$section" "$name" >found 2>&1 || fail "$page: there is no $reference"
        fi
    done
done
