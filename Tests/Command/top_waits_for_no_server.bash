#!/bin/bash
# holds: Where a process keeps its page on a file system whose server does not answer, a signal ends kaio top all the same.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

build_tools
if ((EUID != 0)) || ! [[ -c /dev/fuse ]]; then
    echo "skipped: a file system can be mounted by root only, and where there is /dev/fuse"
    exit
fi
mkdir place
# A file system with one file, which stops answering when it is told to.
cat >server.py <<'P'
import ctypes, os, select, struct, sys, time
device = os.open("/dev/fuse", os.O_RDWR)
libc = ctypes.CDLL(None, use_errno=True)
options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
if libc.mount(b"server", b"place", b"fuse", 0, options) != 0:
    sys.exit(f"mount: {os.strerror(ctypes.get_errno())}")
print("mounted", flush=True)

def attributes(node):
    mode = 0o40755 if node == 1 else 0o100666
    return struct.pack("<6Q10I", node, 1 << 20, 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

while True:
    # What a server has begun with is waited for whatever comes; so it is not to begin.
    while not select.select([device], [], [], 0.05)[0] or os.path.exists("silence"):
        if os.path.exists("silence"):
            print("silent", flush=True)
            time.sleep(3600)
    message = os.read(device, 1 << 20)
    operation, unique, node = struct.unpack_from("<IQQ", message, 4)
    error, answer = 0, b""
    if operation == 26:
        answer = struct.pack("<IIIIHHIIHHII", 7, 31, 4096, 0, 16, 12, 4096, 1, 1, 0, 0, 0).ljust(64, b"\0")
    elif operation == 1:
        answer = struct.pack("<QQQQII", 2, 1, 0, 0, 0, 0) + attributes(2)
    elif operation == 3:
        answer = struct.pack("<QII", 0, 0, 0) + attributes(node)
    elif operation == 14:
        answer = struct.pack("<QII", 1, 0, 0)
    elif operation in (2, 36, 42):
        continue
    else:
        error = -38
    os.write(device, struct.pack("<IiQ", 16 + len(answer), error, unique) + answer)
P
python3 server.py >mounted 2>err &
server=$!
end() {
    kill -KILL "$server" 2>/dev/null
    wait "$server" 2>/dev/null
    umount -l place 2>/dev/null
}
trap end EXIT
until_true grep -q . mounted err
grep -q mounted mounted || {
    echo "skipped: $(<err)"
    exit
}
mkfifo orders
./tools map place/kaio-live.7 <orders >answers &
exec 3>orders
until_true grep -q ready answers
read -r _ process <answers

: >silence
until_true grep -q silent mounted
waits_for_the_server() { grep -qs fuse /proc/"$top"/task/*/stack; }
for options in "--once" "--json"; do
    # shellcheck disable=SC2086 # an option
    "$CHECK_COMMAND" top $options "$process" >out 2>top.err &
    top=$!
    until_true waits_for_the_server
    kill -TERM "$top"
    has_ended() { [[ $(state "$top") != [RSD] ]]; }
    (until_true has_ended) || {
        kill -KILL "$top"
        fail "$options: does not end"
    }
    wait "$top"
    code=$?
    ((code == 143)) || fail "$options: exit code $code"
done
end
exec 3>&-
wait
