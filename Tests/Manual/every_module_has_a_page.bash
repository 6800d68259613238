#!/bin/bash
# Each module of the registry has a page kaio_NAME(8), with its configuration, and each parameter that its source reads is
# named there.
. "$CHECK_ROOT/Tests/parts/support.bash"

"$CHECK_ROOT/Tools/manual" man man
names=$(awk '/static let names/ { on = 1 } on && /"""/ && ++quotes == 2 { exit } on && quotes' \
    "$CHECK_ROOT/Sources/Kaio/VFS/Registry.swift" | grep -oE '[a-z_]+')
(($(wc -w <<<"$names") >= 12)) || fail "the registry has only: $names"
for name in $names; do
    [[ -e man/kaio_$name.8 ]] || fail "module $name has no page kaio_$name(8)"
    grep -q "vfs objects = .*\<$name\>" "man/kaio_$name.8" || fail "kaio_$name(8) does not show it in a stack"
done
# Calls such as parameters.number("stats", "file", ...); a module's own helper leaves the module's name out.
grep -hoE 'parameters\.[a-zA-Z]+\(\s*"[a-z_]+", "[a-z_ ]+"' -r "$CHECK_ROOT/Sources/Kaio" | grep -oE '"[a-z_]+", "[a-z_ ]+"' |
    sort -u | tr -d '",' >parameters
(($(wc -l <parameters) >= 15)) || fail "only these parameters were found: $(<parameters)"
while read -r module parameter; do
    grep -A1 '^\.TP' "man/kaio_$module.8" | grep -qE "\\\\fB($module:)?$parameter\\\\fR" ||
        fail "kaio_$module(8) has no parameter $parameter"
done <parameters
