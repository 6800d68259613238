#!/bin/bash
# holds: kaio testparm shows a good file as it is understood, and says what is wrong with another.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

testparm() { "$CHECK_COMMAND" testparm --library "$CHECK_LIBRARY" "$@"; }
printf '[a]\npath = /data/*\nvfs objects = readonly ordered\n' >good.conf
expect 0 testparm good.conf
has out '^\[a\]$'
has out '^	path = /data/\*$'
[[ ! -s err ]] || fail "stderr has something"
# What is shown is a file of the same meaning.
cp out again.conf
cp out first
expect 0 testparm again.conf
cmp out first || fail "its own output is understood in another way"

printf 'pth = /data/*\n' >bad.conf
expect 1 testparm bad.conf
has err 'bad\.conf:1: pth: unknown option'
printf '[a]\npath = /a\nvfs objects = nonsuch ordered\n' >nonsuch.conf
expect 1 testparm nonsuch.conf
has err 'nonsuch\.conf:3: .*no module is named nonsuch; known are .*KAIO_MODULE_DIR, which is not set'
KAIO_MODULE_DIR=$PWD/modules expect 1 testparm nonsuch.conf
has err "nonsuch\.conf:3: .*KAIO_MODULE_DIR \($PWD/modules\)"
KAIO_CONFIG=good.conf expect 0 testparm
has out '^\[a\]$'
expect 2 testparm
has err 'KAIO_CONFIG'
expect 2 testparm missing.conf
has err "missing\.conf: can't be read"
expect 2 testparm --library bad.conf good.conf
expect 2 testparm one two
# A stdout that takes nothing.
"$CHECK_COMMAND" testparm --library "$CHECK_LIBRARY" good.conf >/dev/full 2>err && fail "it did not mind that stdout is full"
has err 'stdout: No space left on device'
# Parameters of the library's own modules.
printf '[a]\npath = /a\nvfs objects = stats ordered\nstats:format = xml\nstats:fil = x\n' >parameters.conf
expect 1 testparm parameters.conf
has err 'parameters\.conf:4: .*stats:format = xml: not one of: text json'
has err 'parameters\.conf:5: stats:fil: .*it has file, format, signal, service'
[[ ! -s out ]] || fail "a bad file is shown"
# Whichever module it has: none is said to find no memory where nothing has run yet.
for module in "$CHECK_ROOT"/docs/modules/*.md; do
    name=$(basename "$module" .md)
    [[ $name == writing ]] && continue
    printf '[a]\npath = /a\nvfs objects = %s\n' "$name" >module.conf
    "$CHECK_COMMAND" testparm --library "$CHECK_LIBRARY" module.conf >out 2>err || lacks err 'memory'
done
