#!/bin/bash
# Examples/swift: copies, cancels, holds no threads, cleans up after Ctrl-C, and serves files over HTTP to many at once.
# May take 2400 s on a busy machine: it builds swift-nio.
. "$CHECK_ROOT/Tests/parts/support.bash"

# Where it was built before, that is taken.
bin=$CHECK_ROOT/.build/swift-examples/debug
"${SWIFT:-swift}" build --package-path "$CHECK_ROOT/Examples/swift" --scratch-path "${bin%/debug}" >log 2>&1 ||
    fail "$(grep -m1 error: log || tail -n 1 log)"
! grep -m1 'Examples/swift/.*warning:' log >warning || fail "$(cat warning)"

timeout 20 "$bin/cancel-read" >output || fail "cancel-read fails with $?"
sed 's/the process has [0-9]* threads/the process has few threads/' output >said
diff - said >difference <<'EOF' || fail "cancel-read says: $(sed -n 2p difference)"
100 reads wait; the process has few threads
100 reads were cancelled
the next one reads this
cancelled before it began
EOF
threads=$(grep -oE '[0-9]+ threads' output)
((${threads% *} < 20)) || fail "$threads for 100 reads"

for size in 0 1 262144 5000001; do
    head -c $size /dev/urandom >source
    rm -f target
    [[ $("$bin/copy-file" source target 2>&1) == "$size bytes copied" ]] || fail "copy-file does not copy $size bytes"
    cmp source target || fail "the copy of $size bytes differs"
done
code=0
"$bin/copy-file" source target 2>message || code=$?
[[ $code == 1 && $(<message) == "copy-file: File exists" ]] || fail "to a target that exists: $code, $(cat message)"

# A copy that would take long, of a file with no blocks.
truncate -s 64G large
code=0
env --default-signal=INT "$bin/copy-file" large interrupted 2>message &
until [[ -s interrupted ]]; do kill -0 $! || fail "copy-file: $(cat message)"; sleep 0.05; done
kill -INT $!
wait $! || code=$?
[[ $code == 130 && $(<message) == "copy-file: interrupted" ]] || fail "interrupted: $code, $(cat message)"
[[ ! -e interrupted ]] || fail "after Ctrl-C the target is left"
rm large

mkdir -p files/below
cp source files/large
printf 'a few bytes' >'files/below/a name'
: >files/empty
mkfifo files/fifo
printf secret >outside
stdbuf -oL "$bin/file-server" files >address &
server=$!
trap 'kill $server' EXIT
until [[ -s address ]]; do kill -0 $server || fail "file-server ends"; sleep 0.05; done
python3 - "$(<address)" $server <<'EOF' 2>message || fail "file-server: $(tail -n 1 message)"
import concurrent.futures, http.client, os, socket, sys, urllib.parse

where = urllib.parse.urlparse(sys.argv[1]).netloc
large = open("files/large", "rb").read()


def ask(path, method="GET", connection=None, **headers):
    connection = connection or http.client.HTTPConnection(where, timeout=60)
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    return response.status, response.read(), response


# One connection for many requests.
kept = http.client.HTTPConnection(where, timeout=60)
for _ in range(20):
    assert ask("/below/a%20name", connection=kept)[:2] == (200, b"a few bytes")
    assert ask("/empty", connection=kept)[:2] == (200, b"")
    assert ask("/large", connection=kept)[1] == large
assert ask("/large", "HEAD")[2].getheader("Content-Length") == str(len(large))
for asked, first, last in (("0-0", 0, 0), ("5-99", 5, 99), ("5000000-", 5000000, 5000000), ("-7", 4999994, 5000000),
                           ("4999999-9999999", 4999999, 5000000)):
    status, body, response = ask("/large", Range="bytes=" + asked)
    assert status == 206 and body == large[first:last + 1], asked
    assert response.getheader("Content-Range") == f"bytes {first}-{last}/{len(large)}", asked
for path in ("/none", "/", "/below", "/../outside", "/below/..%2f..%2foutside", "/%2e%2e/outside", "/%00", "/%zz", "/%ff"):
    assert ask(path)[0] == 404, path
assert ask("/fifo")[:2] == (200, b"")
assert ask("/large", "POST")[0] == 405
# Who goes away in the middle harms nobody.
for _ in range(20):
    gone = socket.create_connection(where.split(":"))
    gone.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
    gone.recv(1000)
    gone.close()
# Many at once, each slower than the file is read, and no thread for any of them.
with concurrent.futures.ThreadPoolExecutor(40) as pool:
    for status, body, _ in pool.map(lambda _: ask("/large"), range(80)):
        assert status == 200 and body == large
threads = len(os.listdir(f"/proc/{sys.argv[2]}/task"))
assert threads < 20, f"{threads} threads"
EOF
