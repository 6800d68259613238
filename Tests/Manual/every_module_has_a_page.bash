#!/bin/bash
# Each module of the registry has a page kaio_NAME(8), with its configuration, and each parameter that its source reads is
# named there and in the list that messages show.
. "$CHECK_ROOT/Tests/parts/support.bash"

"$CHECK_ROOT/Tools/manual" man man
names=$(grep -hA1 'ModuleEntry($' "$CHECK_ROOT"/Sources/Kaio/Modules/*.swift | sed -n 's/^ *name: "\([a-z_]*\)".*/\1/p')
(($(wc -w <<<"$names") >= 12)) || fail "the registry has only: $names"
for name in $names; do
    [[ -e man/kaio_$name.8 ]] || fail "module $name has no page kaio_$name(8)"
    grep -q "vfs objects = .*\<$name\>" "man/kaio_$name.8" || fail "kaio_$name(8) does not show it in a stack"
done
# Calls such as parameters.number("stats", "file", ...); a module's own helper leaves the module's name out.
grep -hoE 'parameters\.[a-zA-Z]+\(\s*"[a-z_]+", "[a-z_ ]+"' -r "$CHECK_ROOT/Sources/Kaio" | grep -oE '"[a-z_]+", "[a-z_ ]+"' |
    tr -d '",' | sort -u >parameters
(($(wc -l <parameters) >= 15)) || fail "only these parameters were found: $(<parameters)"
# The lists: static let parameters: StaticString = "one, another", and the module's name below.
awk -F\" '/static let parameters: StaticString/ { if (NF == 1) getline; list = $2 }
    /let name: StaticString/ { count = split(list, names, ", "); list = ""; for (i = 1; i <= count; i++) print $2, names[i] }' \
    "$CHECK_ROOT"/Sources/Kaio/Modules/*.swift | sort -u >listed
unlisted=$(comm -23 parameters listed)
[[ -z $unlisted ]] || fail "not in Registry.parameters: $unlisted"
(($(wc -l <listed) >= 31)) || fail "only these are listed: $(<listed)"
while read -r module parameter; do
    grep -A1 '^\.TP' "man/kaio_$module.8" | grep -qE "\\\\fB($module:)?$parameter\\\\fR" ||
        fail "kaio_$module(8) has no parameter $parameter"
done <listed
