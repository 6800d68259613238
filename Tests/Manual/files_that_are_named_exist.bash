#!/bin/bash
# Each link of a Markdown document to a file of this tree leads to one.
. "$CHECK_ROOT/Tests/parts/support.bash"

cd "$CHECK_ROOT"
for document in *.md docs/*.md docs/*/*.md Examples/*.md Examples/*/*.md; do
    while IFS= read -r link; do
        [[ $link == *:* || $link == '#'* ]] && continue
        [[ -e ${document%"${document##*/}"}${link%%#*} ]] || fail "$document: there is no $link"
    done < <(tr '\n' ' ' <"$document" | grep -oE '\]\([^) ]+\)' | sed 's/^](//; s/)$//')
done
# So do the commands that show a claim.
Tests/run --list >"$OLDPWD/cases"
# These are listed where they are asked for.
Tests/run --list distributions >>"$OLDPWD/cases"
Tests/run --list file-systems >>"$OLDPWD/cases"
grep -ohE 'Tests/run [a-z_][a-zA-Z0-9_/-]+' ./*.md docs/*.md docs/*/*.md Examples/*.md Examples/*/*.md | sort -u |
    while read -r _ word; do
        grep -q -- "$word" "$OLDPWD/cases" || fail "no test is named $word"
    done
