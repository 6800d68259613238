#!/bin/bash
# Each variable that the library reads has an entry among the options of kaio(7).
. "$CHECK_ROOT/Tests/parts/support.bash"

"$CHECK_ROOT/Tools/manual" man man
grep -oE 'name == "KAIO_[A-Z_]+"' "$CHECK_ROOT/Sources/Kaio/Runtime/Options.swift" | grep -oE 'KAIO_[A-Z_]+' | sort -u >known
(($(wc -l <known) >= 11)) || fail "only these are read: $(<known)"
sed -n '/^\.SH OPTIONS/,/^\.SH/p' man/kaio.7 | grep -A1 '^\.TP' | grep -oE '^\\fBKAIO_[A-Z_]+' | sed 's/\\fB//' | sort >described
missing=$(comm -23 known described | tr '\n' ' ')
[[ ! $missing ]] || fail "kaio(7) does not describe $missing"
