#!/bin/bash
# holds: kaio bench measures glibc, kaio and the raw interface, each by its own calls, and gives a table, JSON and a drawing.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

bench() { "$CHECK_COMMAND" bench --library "$CHECK_LIBRARY" --quick --seconds 2 --size 8m "$@"; }

mkdir place
expect 0 bench --json --svg plot.svg place
# It may be busy here.
! grep -v 'other programs use' err || fail "without a terminal it says: $(<err)"
jq -e '
    (.workloads | length >= 6) and .notes == [] and (.size == 8388608) and
    ([.workloads[].engines | .glibc, .kaio, .raw | .operations_per_second.median > 0] | all) and
    ([.workloads[].engines | .glibc, .kaio, .raw | .cpu_us_per_operation.median > 0] | all) and
    ([.workloads[].engines[].operations_per_second.rounds | length == 3] | all) and
    ([.workloads[].kaio_to_glibc.median > 0] | all)' out >/dev/null || fail "the JSON is not whole: $(<out)"
python3 - <<'PYTHON' 2>err || fail "the drawing is no SVG with a title, a legend and bars"
import xml.etree.ElementTree as tree
root = tree.parse("plot.svg").getroot()
space = "{http://www.w3.org/2000/svg}"
texts = [text.text for text in root.iter(space + "text")]
assert root.tag == space + "svg" and root.find(space + "title").text
assert all(name in texts for name in ("glibc", "kaio", "raw", "requests in flight"))
assert any("operations per second" in text for text in texts)
assert len(list(root.iter(space + "rect"))) >= 18 and len(list(root.iter(space + "circle"))) >= 9
PYTHON

# What a person has set is not measured: not kaio where glibc is, nor another stack.
export LD_PRELOAD=$CHECK_LIBRARY KAIO_VFS_OBJECTS="nonsense" KAIO_VERBOSE=1
strace -f --seccomp-bpf -qq -e trace=execve,io_submit,preadv2 -o calls "$CHECK_COMMAND" bench --library "$CHECK_LIBRARY" --quick \
    --seconds 2 --size 8m place >out 2>err || fail "under strace it ended with $?"
unset LD_PRELOAD KAIO_VFS_OBJECTS KAIO_VERBOSE
for workload in "O_DIRECT read, depth 1" "read, in the page cache, depth 32" "buffered write|O_DIRECT write"; do
    has out "^($workload)"
done
lacks out $'\e'
has out '^ +ops/s +ops/s +ops/s +ratio of +us CPU +us CPU +us CPU$'
has out '^ +glibc +kaio +raw +kaio/glibc +glibc +kaio +raw$'

# Each process by its engine, and how often it called the kernel's AIO or read without waiting.
awk '
    /execve\(.*"bench-worker"/ { split($0, part, "\""); engine[$1] = part[8]; runs[part[8]]++ }
    /io_submit\(|RWF_NOWAIT/ { if ($1 in engine) calls[engine[$1]]++ }
    END { for (name in runs) print name, runs[name], calls[name] + 0 }' calls | sort >by_engine
has by_engine '^glibc [1-9][0-9]* 0$'
has by_engine '^kaio [1-9][0-9]* [1-9][0-9]+$'
has by_engine '^raw [1-9][0-9]* [1-9][0-9]+$'
[[ -z $(ls -A place) ]] || fail "left behind: $(ls -A place)"

# Where others work too it says so.
spinning=()
for ((i = 0; i < $(nproc); i++)); do
    while :; do :; done &
    spinning+=($!)
done
bench place >out 2>err || fail "on a busy machine it ended with $?"
kill "${spinning[@]}"
has err 'warning: other programs use [0-9]+ % of the processors'
