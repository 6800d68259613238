#!/bin/bash
# holds: kaio mirror shows, compares, repairs, adds, removes and replaces the legs of a file, while a program has it in use and while none does, with exit codes and JSON.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"
# shellcheck source=Tests/Command/serving.bash
. "$CHECK_ROOT/Tests/Command/serving.bash"

mkdir data copies log
cat >mirror.conf <<END
[data]
path = $PWD/data/*
vfs objects = mirror ordered aio_linux aio_poll aio_pthread
mirror:legs = $PWD/copies/%f.2 $PWD/copies/%f.3
mirror:log = $PWD/log/%f.log
mirror:region size = 64k
mirror:resync rate = 1G
END
export KAIO_CONFIG=$PWD/mirror.conf
mirror() { "$CHECK_COMMAND" mirror "$1" --library "$CHECK_LIBRARY" "${@:2}"; }
equal() { cmp data/x "copies/$1" >&2 || fail "data/x and copies/$1 differ"; }
overwrite() { printf XXXX | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }

head -c 1000000 /dev/urandom >data/x
# Each once with a program that has the file in use, and once without.
for turn in without with; do
    rm -f copies/* log/*
    if [[ $turn == with ]]; then
        serve data/x
        order write 0 3
    fi
    expect 0 mirror resync data/x
    has out "copies/x.2 +in sync +100.0 %"
    equal x.2
    equal x.3
    expect 0 mirror status data/x
    has out "^16 of 16 regions of 64.0 KiB in sync"
    [[ $turn == without ]] || has out "in use by process $process"
    expect 0 mirror check data/x
    # One of three is wrong: most others say so, also where it is the first.
    overwrite copies/x.3 300000
    expect 1 mirror check data/x
    has out "copies/x.3: differs at 299008, 4096 bytes"
    expect 0 mirror check --repair data/x
    equal x.3
    if [[ $turn == with ]]; then
        mirror status --json data/x >out || fail "status ended with $?"
        [[ $(jq .process out) == "$process" && $(jq '.legs | length' out) == 3 && $(jq .in_sync out) == 16 ]] || fail "$(<out)"
    fi
    # Legs come and go.
    expect 0 mirror add data/x copies/x.4
    equal x.4
    expect 2 mirror add data/x copies/x.5
    has err "has four legs"
    expect 2 mirror add data/x copies/x.4
    has err "is a leg already"
    expect 0 mirror remove data/x copies/x.2
    lacks out "x.2"
    expect 2 mirror remove data/x copies/x.2
    expect 2 mirror remove data/x data/x
    expect 0 mirror replace data/x copies/x.4 copies/x.6
    equal x.6
    head -c 5000 /dev/urandom >copies/x.3
    expect 0 mirror replace data/x copies/x.3
    equal x.3
    expect 0 mirror resync --leg copies/x.6 data/x
    mirror check --json data/x >out || fail "check ended with $?"
    [[ $(jq -c .differences out) == "[]" && $(jq -r '.legs[1].path' out) == *x.3 ]] || fail "$(<out)"
    [[ $turn == without ]] || dismiss
done
# A leg that is gone has failed; resync has it back.
mv copies/x.3 copies/elsewhere
expect 1 mirror resync data/x
has out "x.3 +failed .*No such file"
mv copies/elsewhere copies/x.3
expect 0 mirror resync data/x
equal x.3
# What can't be.
head -c 100 /dev/zero >other
expect 2 mirror status other
has err "is not mirrored"
expect 2 mirror status data/y
has err "No such file"
KAIO_CONFIG='' expect 2 mirror status data/x
sed '/mirror:log/d' mirror.conf >core.conf
expect 2 mirror status --config core.conf data/x
has err "in memory"
head -c 20000 /dev/urandom >log/x.log
expect 2 mirror status data/x
has err "damaged"
nothing_is_left
