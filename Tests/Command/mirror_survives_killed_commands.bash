#!/bin/bash
# holds: kaio mirror resync, check --repair, replace and status, killed at any moment, leave a log and legs that the next one makes equal; on a terminal resync shows a bar with the rate and the time left.
# limit: 300

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

mkdir data copies log
cat >mirror.conf <<END
[data]
path = $PWD/data/*
vfs objects = mirror ordered aio_linux aio_poll aio_pthread
mirror:legs = $PWD/copies/%f.2 $PWD/copies/%f.3
mirror:log = $PWD/log/%f.log
mirror:region size = 64k
mirror:resync rate = 1M
END
export KAIO_CONFIG=$PWD/mirror.conf TERM=xterm
mirror=("$CHECK_COMMAND" mirror)
with=(--library "$CHECK_LIBRARY" data/x)
head -c 3000000 /dev/urandom >data/x

script -qec "${mirror[*]@Q} resync ${with[*]@Q}" /dev/null >out 2>err || fail "resync ended with $?"
has out '\[#+ *\] +[0-9.]+ % +[0-9.]+ [KM]iB/s +[0-9]+ s left'
sed -i 's/1M/4M/' mirror.conf

for ((kill = 0; kill < ${KILLS:-30}; kill++)); do
    # Something to copy: other bytes in a leg, or in all.
    head -c 100000 /dev/urandom | dd of="copies/x.$((2 + kill % 2))" bs=1000 seek=$((RANDOM % 2900)) conv=notrunc status=none
    case $((kill % 4)) in
        0) words=(resync "${with[@]}") ;;
        1) words=(check --repair "${with[@]}") ;;
        2) words=(replace "${with[@]}" copies/x.3) ;;
        *) words=(status "${with[@]}") ;;
    esac
    "${mirror[@]}" "${words[@]}" >out 2>err &
    sleep "0.$((RANDOM % 60 + 10))"
    kill -KILL $! 2>/dev/null
    wait $!
done
sed -i 's/4M/1G/' mirror.conf
expect 0 "${mirror[@]}" resync "${with[@]}"
expect 0 "${mirror[@]}" check --repair "${with[@]}"
cmp data/x copies/x.2 >&2 || fail "the second leg differs"
cmp data/x copies/x.3 >&2 || fail "the third leg differs"
