#!/bin/bash
# Who may not write to the prefix is told so, with the directory and what to do, and nothing is changed.
. "$CHECK_ROOT/Tests/Install/check.bash"

# Root without its capabilities is a user like any other.
plain=()
[[ $(id -u) != 0 ]] || plain=(setpriv --inh-caps=-all --bounding-set=-all)
mkdir -p prefix/bin
chmod 555 prefix
trap 'chmod 755 prefix' EXIT
code=0
PREFIX=$PWD/prefix/deeper "${plain[@]}" "$CHECK_ROOT/Tools/install" 2>message || code=$?
((code == 1)) || fail "exit code $code, not 1"
grep -q "no right to write to $PWD/prefix;" message || fail "the message is: $(cat message)"
grep -q PREFIX= message || fail "the message says not what to do: $(cat message)"
# bin could be written to, the rest not: then bin must stay empty too.
if PREFIX=$PWD/prefix "${plain[@]}" "$CHECK_ROOT/Tools/install" 2>message; then fail "it succeeds"; fi
[[ $(find prefix -type f) == '' ]] || fail "half of it was installed"
if PREFIX=relative "$CHECK_ROOT/Tools/install" 2>message; then fail "a relative PREFIX is taken"; fi
grep -q absolute message || fail "a relative PREFIX gives: $(cat message)"
