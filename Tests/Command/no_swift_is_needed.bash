#!/bin/bash
# holds: The command runs where Swift is not installed: it needs the runtime libraries of C alone.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

expect 0 ldd "$CHECK_COMMAND"
sed 's/^\t//; s/ .*//' out | grep -vE '^(linux-vdso|/lib.*/ld-linux|lib(c|m|dl|pthread|rt|util|gcc_s)\.so)' >others
[[ ! -s others ]] || fail "it needs $(paste -sd' ' others)"
