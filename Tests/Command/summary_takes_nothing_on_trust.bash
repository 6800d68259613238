#!/bin/bash
# holds: Whatever a program leaves where its numbers go (sums beyond an integer, negative counts, FIFOs, links, large and deep files, escape sequences), kaio run ends with the program's exit code and harms no terminal.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

most=9223372036854775807
cat >program <<'P'
#!/bin/bash
cd "$KAIO_LIVE_DIR" || exit 99
number() {
    printf '{"requests":{"read":%s,"write":%s,"x":%s},"modules":{"aio_linux":%s,"aio_poll":%s},"bytes":{"read":%s,"written":-5},"errors":%s,"cancelled":%s,"most_in_flight":%s}' \
        "$1" "$1" "$1" "$1" "$1" "$1" "$1" "$1" "$1" >"counts.$2"
}
operation='{"requests":'$MOST',"errors":'$MOST',"cancelled":'$MOST',"bytes":'$MOST',"latency_us":{"mean":1e308,"50":-1e308,"90":1e999,"99":"x","max":'$MOST'}}'
for process in 1 2 3 $$; do
    number "$MOST" $process
    printf '{"services":[{"service":"\\u001b[31mred","operations":{"\\u001b]0;title\\u0007":%s,"read":%s}},7,null]}' \
        "$operation" "$operation" >"latencies.$process"
done
number -3 4
number 1e300 5
echo nonsense >counts.6
mkfifo counts.7 counts.8 latencies.4
ln -s /dev/zero counts.9
head -c 40000 /dev/zero | tr '\0' '[' >counts.10
truncate -s 20G counts.11
mkdir counts.12
echo '{}' >"counts.$MOST"
exit 3
P
chmod +x program
export MOST=$most
for option in "" --stats; do
    # shellcheck disable=SC2086 # none, or one
    expect 3 timeout 60 "$CHECK_COMMAND" run --library "$CHECK_LIBRARY" $option ./program
    has err 'program ended with code 3'
    has err '9,223,372,036,854,775,807 asynchronous requests'
    lacks err $'[\e\a]'
    lacks err '-[0-9]'
done
has err 'red'

# Files that would be a hundred times as large in memory, which is not had.
cat >program <<'P'
#!/bin/bash
cd "$KAIO_LIVE_DIR" || exit 99
yes '[],' | tr -d '\n' | head -c 15000000 >list
(echo '['; cat list; echo '[]]') >counts.1
rm list
for process in {2..6}; do ln counts.1 counts.$process; done
exit 4
P
expect 4 bash -c "ulimit -v 700000; exec '$CHECK_COMMAND' run --library '$CHECK_LIBRARY' ./program"
has err 'program ended with code 4'

# A program of another user's has no way to the directory, and what it ends with is its own.
if ((EUID == 0)); then
    # shellcheck disable=SC2016 # the program expands it
    expect 5 "$CHECK_COMMAND" run --library "$CHECK_LIBRARY" setpriv --reuid 65534 --regid 65534 --clear-groups \
        bash -c 'echo "{}" >"$KAIO_LIVE_DIR/counts.1" || exit 5'
    has err 'Permission denied'
    has err 'ended with code 5'
else
    echo "skipped in part: a second user can be had by root only"
fi
