#!/bin/bash
# holds: The command has at most 8 MB: neither Foundation, regular expressions nor concurrency is linked into it.
. "$CHECK_ROOT/Tests/Install/check.bash"

size=$(stat -Lc %s "$CHECK_COMMAND")
((size <= 8000000)) || fail "it has $size bytes"
