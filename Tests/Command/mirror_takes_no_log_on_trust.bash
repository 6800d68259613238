#!/bin/bash
# holds: A mirror's log with any numbers, and what is no log, harms neither kaio mirror nor the person's terminal; no FIFO is opened, as the log or as a leg of it.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

mkdir data
cat >mirror.conf <<END
[data]
path = $PWD/data/*
vfs objects = mirror ordered aio_linux aio_poll aio_pthread
mirror:legs = $PWD/copy
mirror:log = $PWD/log
END
export KAIO_CONFIG=$PWD/mirror.conf
echo x >data/x
mirror() { expect "$1" timeout 20 "$CHECK_COMMAND" mirror "${2-status}" --library "$CHECK_LIBRARY" data/x; }

# make_log SIZE REGION_SIZE PATH: a log whose legs all have that path.
make_log() {
    python3 - "$@" <<'P'
import struct, sys
most = (1 << 64) - 1
words = [0] * 512
words[0:7] = [0x524f5252494d4b41, 1, 7, 5, int(sys.argv[1]), int(sys.argv[2]), 4]
words[9] = words[10] = most
path = sys.argv[3].encode().decode("unicode_escape").encode("latin-1").ljust(896, b"\0")
for leg in range(4):
    base = 16 + leg * 120
    words[base:base + 8] = [1 + leg % 2, most, most, most, most, most, most, most]
    words[base + 8:base + 120] = struct.unpack("<112Q", path)
total = 0x6b61696f6d697272
for word in words:
    total = ((total ^ word) * 0x9e3779b97f4a7c15) & most
    total ^= total >> 29
words[8] = total
open("log", "wb").write(struct.pack("<512Q", *words) + bytes(range(256)) * 4096)
P
}

for size in 9223372036854775807 18446744073709551615 0; do
    for region in 4096 1099511627776; do
        make_log $size $region '\x1b[31mno\x07'
        mirror 1
        has out '\[31mno'
        lacks out $'[\e\a]'
        lacks err $'[\e\a]'
    done
done
head -c 100000 /dev/urandom >log
mirror 2
has err "not a mirror's log, or damaged"

mkfifo fifo
{ read -r _ <fifo; echo opened >opened; } &
reader=$!
until_true test "$(state $reader)" = S
make_log 4096 4096 "$PWD/fifo"
mirror 2 check
has err 'not a regular file'
mv fifo log
mirror 2
has err 'not a regular file'
kill $reader
[[ ! -e opened ]] || fail "a FIFO was opened"
