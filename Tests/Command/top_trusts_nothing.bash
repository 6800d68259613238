#!/bin/bash
# holds: A page that is cut short, of another layout, or full of nonsense, and an odd name of a program, harm neither kaio top nor the person's terminal.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

build_tools
mkfifo orders
# What a program calls itself is shown too.
mapper=$'./too\els'
cp tools "$mapper"
# look CODE FILE: has a process map it, and kaio top look at it.
look() {
    : >answers
    "$mapper" map "$2" <orders >answers &
    exec 3>orders
    until_true grep -q ready answers
    read -r _ process <answers
    expect "$1" timeout 20 "$CHECK_COMMAND" top --once --interval 0.2 "$process"
    lacks out $'[\e\a]'
    lacks err $'[\e\a]'
    expect "$1" timeout 20 "$CHECK_COMMAND" top --once --json --interval 0.2 "$process"
    exec 3>&-
    wait
}
words() { printf 'kaiolive\x03\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\e[31mnonsense\a%18s' '' | tr ' ' '\0'; }

: >kaio-live.1
look 1 kaio-live.1
has err "not a kaio page"
head -c 4096 /dev/urandom >kaio-live.2
look 1 kaio-live.2
{ printf 'kaiolive\x63' && head -c 4087 /dev/zero; } >kaio-live.3
look 1 kaio-live.3
has err "layout 99"
# Somebody looks already, so that the nonsense is not cleared.
{
    words
    printf '\xff\xff\xff\xff\xff\xff\xff\x7f'
    head -c 192 /dev/zero
    tr '\0\1' '\e\a' </dev/urandom | head -c 769792
} >kaio-live.4
(($(stat -c %s kaio-live.4) == 770048)) || fail "the test's page has the wrong size: $(stat -c %s kaio-live.4)"
look 0 kaio-live.4
jq -e '.files | length > 100' out >/dev/null || fail "the nonsense is not shown"
head -c 5000 kaio-live.4 >kaio-live.5
look 0 kaio-live.5
