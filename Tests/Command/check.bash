# shellcheck shell=bash
# What the cases of the command share; not a case itself. A case is run in an empty directory of its own, with
# CHECK_COMMAND, CHECK_LIBRARY and CHECK_ROOT set; it holds if it ends with 0, and its last line on stderr says why not.

set -u
# What the command makes for a while can be seen here, and must be gone in the end.
export TMPDIR=$PWD/temporary
mkdir "$TMPDIR"
# script runs its words by this shell, and the words are quoted for bash.
export SHELL=$BASH

fail() {
    cat err >&2 2>/dev/null
    echo "$*" >&2
    exit 1
}

# kaio run, with the library that is tested.
kaio_run() { "$CHECK_COMMAND" run --library "$CHECK_LIBRARY" "$@"; }

# expect CODE COMMAND ...: runs it, with its output in the files out and err; it must end with that code.
expect() {
    local code=$1 result
    shift
    "$@" >out 2>err
    result=$?
    ((result == code)) || fail "'$*' ended with $result, not $code"
}

# has FILE PATTERN: a line of the file matches; lacks: none does.
has() { grep -qE -- "$2" "$1" || fail "'$2' is not in $1: $(head -c 2000 "$1")"; }
lacks() { ! grep -qE -- "$2" "$1" || fail "'$2' is in $1: $(grep -m1 -E -- "$2" "$1")"; }

# until_true COMMAND ...: waits for it, for ten seconds at most.
until_true() {
    local tries
    for ((tries = 0; tries < 200; tries++)); do
        "$@" && return
        sleep 0.05
    done
    fail "still not after ten seconds: $*"
}

# The programs of tools.c, as ./tools.
build_tools() { cc -std=gnu11 -O2 -Wall -Wextra -o tools "$CHECK_ROOT/Tests/Command/tools.c" 2>err || fail "tools.c"; }

# The letter of a process's state, as ps has it.
state() { ps -o state= -p "$1"; }

nothing_is_left() {
    local left=("$TMPDIR"/*)
    [[ ! -e ${left[0]} ]] || fail "left behind: ${left[*]}"
}
