#!/bin/bash
# Examples/swift builds against an installed kaio; it copies, cancels, holds no threads, and cleans up after Ctrl-C.
. "$CHECK_ROOT/Tests/Install/check.bash"

install_to "$PWD/prefix"
export PKG_CONFIG_PATH=$PWD/prefix/lib/pkgconfig LD_LIBRARY_PATH=$PWD/prefix/lib
mkdir package
cp -r "$CHECK_ROOT"/Examples/swift/{Package.swift,Sources} package/
"${SWIFT:-swift}" build --package-path package >log 2>&1 || fail "$(grep -m1 error: log || tail -n 1 log)"
! grep -m1 'warning:' log >warning || fail "$(cat warning)"
bin=package/.build/debug

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

head -c 5000001 /dev/urandom >source
KAIO_SHOW_STATS=1 "$bin/copy-file" source target >output 2>statistics || fail "copy-file: $(cat statistics)"
cmp source target || fail "the copy differs"
grep -q '20 read, 20 write, 1 fsync' statistics || fail "kaio did $(grep requests statistics)"
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
