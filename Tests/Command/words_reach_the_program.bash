#!/bin/bash
# holds: The program gets its words as they are, also options, empty ones and bytes that are no UTF-8.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

odd=$'\xff\xfe'
expect 0 kaio_run -- printf '<%s>\n' --stats '' -- 'a b' "$odd"
printf '<%s>\n' --stats '' -- 'a b' "$odd" | cmp - out || fail "the words are others"
expect 0 kaio_run printf '<%s>\n' --quiet -- x
printf '<%s>\n' --quiet -- x | cmp - out || fail "the words without -- are others"

# A script without #! is run by sh, as execvp does.
# shellcheck disable=SC2016 # the script is to expand that
printf 'echo "$0 $1"' >script
chmod +x script
expect 0 kaio_run ./script word
has out '^\./script word$'
# And a program is found in PATH as a shell finds it.
PATH=$PWD:$PATH expect 0 kaio_run script word
has out '/script word$'
