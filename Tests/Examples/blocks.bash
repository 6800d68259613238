#!/bin/bash
# The store has what was put into it, in several runs, and finds a damaged block.
. "$CHECK_ROOT/Tests/parts/support.bash"

store=$BUILD/blocks
expect 0 "$store" store list >listed
[[ ! -s listed ]] || fail "an empty store has words"
for word in apples pears plums; do expect 0 "$store" store put $word ${#word}; done
for ((i = 0; i < 200; i++)); do expect 0 "$store" store put "word$i" "$i"; done
expect 0 "$store" store put pears -12
expect 0 "$store" store get pears >got
[[ $(<got) == -12 ]] || fail "pears: $(<got)"
expect 1 "$store" store get cherries
expect 0 "$store" store list >listed
(($(wc -l <listed) == 203)) || fail "$(wc -l <listed) words"
[[ $(grep '^word150 ' listed) == "word150 150" ]] || fail "word150: $(grep word150 listed)"
# One bit of a block that has a word.
at=$(grep -abo apples store | head -n 1)
printf b | dd of=store bs=1 seek="${at%%:*}" conv=notrunc status=none
expect 1 "$store" store list
says "is damaged"
expect 1 "$store" none/store get apples
says "none/store"
expect 2 "$store" store put
