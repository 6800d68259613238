#!/bin/bash
# holds: kaio top says of each process that it can't look at why, and ends with 1; with 2 where the question is wrong.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

build_tools
refused() {
    local process=$1
    shift
    expect 1 "$CHECK_COMMAND" top --once "$process"
    has err "^kaio: error: .*$*"
    [[ ! -s out ]] || fail "it prints something: $(<out)"
}

refused 4194999 "there is no process 4194999"
refused $$ "process $$ does not run on kaio; \`kaio run PROGRAM\` starts one that does"

# Of a program that serves: its process. What the one before it said is gone.
await_answer() {
    until_true grep -qs ready answers
    read -r _ process <answers
    rm answers
}

mkfifo orders
: >page
: >answers
kaio_run --quiet ./tools map page <orders >answers &
exec 3>orders
await_answer
refused "$process" "process $process \(tools\) has made no asynchronous request yet$"
exec 3>&-
wait

head -c 8192 /dev/zero >file
: >answers
LD_PRELOAD=$CHECK_LIBRARY ./tools serve file <orders >answers &
exec 3>orders
await_answer
refused "$process" "KAIO_LIVE_DIR is not set in its environment"
exec 3>&-
wait

# A shell that has somebody else work names him.
: >answers
kaio_run --quiet bash -c './tools serve file; :' <orders >answers &
exec 3>orders
await_answer
refused "$(ps -o ppid= -p "$process" | tr -d ' ')" "try its child $process \(tools\)"
exec 3>&-
wait

# Another user's.
if ((EUID == 0)); then
    sleep 100 &
    process=$!
    other=(setpriv --reuid=65534 --regid=65534 --clear-groups "$CHECK_COMMAND")
    if "${other[@]}" --help >out 2>&1; then
        expect 1 "${other[@]}" top --once "$process"
        has err "process $process belongs to root: only root can inspect it"
    fi
    kill "$process"
else
    refused 1 "process 1 belongs to root: only root can inspect it"
fi

for words in "0" "-5" "abc" "" "--interval 0 1" "--interval x 1" "1 2"; do
    # shellcheck disable=SC2086 # several words
    expect 2 "$CHECK_COMMAND" top $words
    has err .
done
