#!/bin/bash
# Each function that the library exports and POSIX does not have is in the NAME of a page, with its declaration; and each macro that is no guard
# of the headers is on one. kaio_mirror_log is for the command alone, and in no header.
. "$CHECK_ROOT/Tests/parts/support.bash"

"$CHECK_ROOT/Tools/manual" man man
nm -D --defined-only "$CHECK_LIBRARY" | awk '$2 == "T" { print $3 }' |
    grep -vE '^(aio_(cancel|error|fsync|init|read|return|suspend|write)|lio_listio)(64)?$' |
    grep -vx kaio_mirror_log |
    grep -vE '^(close|close_range|closefrom|dup2|dup3|fclose|freopen|freopen64)$' >functions
(($(wc -l <functions) >= 40)) || fail "only these are exported: $(<functions)"
echo kaio_set_callback >>functions
while read -r function; do
    page=$(grep -lE "^([a-z_0-9]+, )*$function(, [a-z_0-9]+)* \\\\- " man/*.3) || fail "no page has $function in its NAME"
    sed -n '/^\.EX/,/^\.EE/p' "$page" | grep -qE "[ *]$function\(" || fail "$page does not declare $function"
done <functions
grep -hoE '^#define KAIO_[A-Z_]+' "$CHECK_ROOT"/include/*.h | sed 's/#define //' |
    grep -vE '_(H|IS_DECLARED)$|^KAIO_VERSION_(MAJOR|MINOR|PATCH)$' >macros
while read -r macro; do
    grep -qE "^\.SS .*\<$macro\>" man/*.3 || fail "no page tells of $macro"
done <macros
