#!/bin/bash
# holds: fio verifies what it wrote to a mirror of two and of three legs, also where one of them fails in the middle and after it was replaced; afterwards the legs are equal.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

mkdir data copies log
# configure LEGS MODULE PARAMETER: writes mirror.conf.
configure() {
    cat >mirror.conf <<END
[data]
path = $PWD/data/*
vfs objects = mirror ordered $2 aio_linux aio_poll aio_pthread
mirror:legs = $1
mirror:log = $PWD/log/%f.log
mirror:region size = 64k
mirror:resync rate = 1G
$3
END
}
export KAIO_CONFIG=$PWD/mirror.conf
mirror() { "$CHECK_COMMAND" mirror "$1" --library "$CHECK_LIBRARY" "${@:2}"; }
verify() {
    KAIO_STATS_FILE=$PWD/statistics LD_PRELOAD=$CHECK_LIBRARY fio --name=verified --filename="$PWD/data/x" --ioengine=posixaio --thread \
        --verify=crc32c --verify_fatal=1 --verify_state_save=0 --randrepeat=0 --rw=randrw --bsrange=4k-64k --iodepth=16 --size=8m \
        --fsync=64 "$@" >report 2>&1 || fail "fio: $(tail -n 20 report)"
    LD_PRELOAD='' jq -e '.stack["mirror@data"].writes > 50' statistics >/dev/null || fail "nothing was mirrored: $(<statistics)"
}
# Laid out, and in sync before fio begins anew.
begin() {
    rm -f data/* copies/* log/*
    verify --direct=$direct
    expect 0 mirror resync data/x
}
equal() {
    local leg
    for leg in "$@"; do cmp data/x "copies/$leg" >&2 || fail "data/x and copies/$leg differ"; done
}

two=$PWD/copies/%f.2 three=$PWD/copies/%f.3
for direct in 0 1; do
    configure "$two" '' ''
    begin
    verify --direct=$direct
    equal x.2
    configure "$two $three" '' ''
    begin
    verify --direct=$direct
    equal x.2 x.3
    # A leg fails in the middle, one after the other.
    configure "$two $three" error_inject "error_inject:rules = write EIO nth 40 path $PWD/copies/x.2; read EIO nth 20 path $PWD/copies/x.3"
    verify --direct=$direct
    has report "copies/x.2 failed: EIO"
    has report "copies/x.3 can't be read: EIO"
    configure "$two $three" '' ''
    verify --direct=$direct
    expect 0 mirror resync data/x
    equal x.2 x.3
    # Replaced, and written to again.
    rm copies/x.2
    expect 0 mirror replace data/x copies/x.2 copies/x.4
    verify --direct=$direct
    expect 0 mirror resync data/x
    equal x.3 x.4
    expect 0 mirror check data/x
done
