#!/bin/bash
# holds: With --quiet nothing is said of the program, and what there is to know goes where it was asked for.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

build_tools
for options in --quiet -q "--quiet --audit audit"; do
    # shellcheck disable=SC2086 # two words
    expect 0 kaio_run $options ./tools requests data 3 1
    [[ ! -s err && ! -s out ]] || fail "$options says something: $(cat err out)"
    # shellcheck disable=SC2086
    expect 0 kaio_run $options true
    [[ ! -s err && ! -s out ]] || fail "$options says something of true: $(cat err out)"
done
[[ $(grep -c . audit) == 4 ]] || fail "not 4 lines in the audit"
