#!/bin/bash
# holds: kaio bench writes its drawing through no link of another user's, on the way to it or at its end, and over no file of his.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

((EUID == 0)) || { echo "skipped: a second user can be had by root only" && exit; }
stranger=65534
mkdir shared own
chmod 777 shared
echo precious >own/victim
ln -s "$PWD/own" shared/way
ln -s "$PWD/own/victim" shared/link
echo his >shared/file
chmod 666 shared/file
chown -h $stranger shared/*
ln -s ../own own/also
for name in shared/way/new.svg shared/link shared/file; do
    expect 2 "$CHECK_COMMAND" bench --library "$CHECK_LIBRARY" --seconds 2 --quick --size 1m --svg "$PWD/$name" .
    has err "--svg .*$name: it may be another user's, in a directory that others can write to"
done
[[ $(cat own/victim) == precious && $(cat shared/file) == his && ! -e own/new.svg ]] || fail "something was written"
# Links of one's own are followed, and new files made where others can write too.
for name in own/also/new.svg shared/new.svg; do
    expect 0 "$CHECK_COMMAND" bench --library "$CHECK_LIBRARY" --seconds 2 --quick --size 1m --svg "$name" .
    has "$name" '<svg'
done
