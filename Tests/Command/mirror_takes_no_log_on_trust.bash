#!/bin/bash
# holds: A mirror's log with any numbers, and what is no log, harms neither kaio mirror nor the person's terminal; a FIFO is not opened.

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
mirror() { expect "$1" timeout 20 "$CHECK_COMMAND" mirror status --library "$CHECK_LIBRARY" data/x; }

for size in 9223372036854775807 18446744073709551615 0; do
    for region in 4096 1099511627776; do
        python3 - $size $region <<'P'
import struct, sys
most = (1 << 64) - 1
words = [0] * 512
words[0:7] = [0x524f5252494d4b41, 1, 7, 5, int(sys.argv[1]), int(sys.argv[2]), 4]
words[9] = words[10] = most
for leg in range(4):
    base = 16 + leg * 120
    words[base:base + 8] = [1 + leg % 2, most, most, most, most, most, most, most]
    words[base + 8] = int.from_bytes(b"\x1b[31mno\x07", "little")
total = 0x6b61696f6d697272
for word in words:
    total = ((total ^ word) * 0x9e3779b97f4a7c15) & most
    total ^= total >> 29
words[8] = total
open("log", "wb").write(struct.pack("<512Q", *words) + bytes(range(256)) * 4096)
P
        mirror 1
        has out '\[31mno'
        lacks out $'[\e\a]'
        lacks err $'[\e\a]'
    done
done
head -c 100000 /dev/urandom >log
mirror 2
has err "not a mirror's log, or damaged"

rm log
mkfifo log
{ read -r _ <log; echo opened >opened; } &
reader=$!
until_true test "$(state $reader)" = S
mirror 2
has err 'not a regular file'
kill $reader
[[ ! -e opened ]] || fail "the FIFO was opened"
