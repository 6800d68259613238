#!/bin/bash
# holds: kaio top of root on another user's process waits for no lock of it, opens nothing that is not the file it has mapped, and shows any numbers.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

build_tools
as=()
# Another user's process, where one can be had; else one's own.
if ((EUID == 0)); then
    as=(setpriv --reuid 65534 --regid 65534 --clear-groups)
else
    echo "skipped in part: a second user can be had by root only"
fi
place=$(mktemp -d /tmp/kaio-trust.XXXXXX)
trap 'rm -rf "$place"' EXIT
chmod 755 "$place"
cp tools "$place"
mkdir "$place/pages"
chmod 777 "$place/pages"
cd "$place/pages" || exit

begin() {
    mkfifo "$place/orders"
    chmod 666 "$place/orders"
    : >"$place/answers"
    "${as[@]}" "$@" <"$place/orders" >"$place/answers" &
    exec 3>"$place/orders"
    until_true grep -q ready "$place/answers"
    read -r _ process <"$place/answers"
}
end() {
    exec 3>&-
    wait
    rm "$place/orders"
}
page() {
    python3 - "$1" "$2" "$3" <<'P'
import struct, sys
name, begun, until = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
head = struct.pack("<8sQQ32sQQ", b"kaiolive", 3, 1, b"nonsense", until, 1).ljust(4096, b"\0")
counts = struct.pack("<6Q", begun, 0, begun, begun, begun, begun) + struct.pack("<216I", *[0xffffffff] * 216)
over = struct.pack("<6Q", begun, begun, begun, begun, begun, begun) + struct.pack("<216I", *[0xffffffff] * 216)
file = struct.pack("<QQ240s", 7, 5, b"name") + counts + over + counts
open(name, "wb").write(head + file * 256)
P
}

# The process holds the lock for as long as it runs.
page kaio-live.1 1 0
chmod 666 kaio-live.1
begin flock kaio-live.1 "$place/tools" map kaio-live.1
expect 1 timeout 30 "$CHECK_COMMAND" top --once --interval 0.2 "$process"
has err 'locked'
end

# Counters at the end of what a number can be.
for begun in 9223372036854775807 9223372036854775808 18446744073709551615; do
    page kaio-live.2 "$begun" 9223372036854775807
    chmod 666 kaio-live.2
    begin "$place/tools" map kaio-live.2
    expect 0 timeout 30 "$CHECK_COMMAND" top --once --interval 0.2 "$process"
    lacks out '-[0-9]'
    expect 0 timeout 30 "$CHECK_COMMAND" top --once --json --interval 0.2 "$process"
    jq -e '.total.in_flight >= 9223372036854775000 and .total.requests >= 0' out >/dev/null || fail "$(head -c 600 out)"
    end
done

# What has the name by now is another thing, of which nothing is opened: a reader of the FIFO would be let go.
page kaio-live.3 1 0
chmod 666 kaio-live.3
begin "$place/tools" map kaio-live.3
cp kaio-live.3 copy
rm kaio-live.3
# As the kernel calls what has no name any more.
gone='kaio-live.3 (deleted)'
mkfifo "$gone"
{ read -r _ <"$gone"; echo opened >../opened; } &
reader=$!
until_true test "$(state $reader)" = S
expect 1 timeout 30 "$CHECK_COMMAND" top --once --interval 0.2 "$process"
has err 'not the file that process'
sleep 0.2
kill $reader
[[ ! -e ../opened ]] || fail "the FIFO was opened"
# Nor another file, be it of the same number on another device.
rm "$gone"
mv copy "$gone"
expect 1 timeout 30 "$CHECK_COMMAND" top --once --interval 0.2 "$process"
has err 'not the file that process'
end
