#!/bin/bash
# holds: A configuration or a stack with a mistake is refused, with the library's words, before anything runs.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

echo 'pth = /data' >bad.conf
for options in "--config bad.conf" "--config bad.conf --stats"; do
    # shellcheck disable=SC2086 # two words
    expect 125 kaio_run $options touch was-run
    has err "error: $PWD/bad.conf:1: pth: unknown option"
done
expect 125 kaio_run --config missing.conf touch was-run
has err "$PWD/missing.conf: can't be read"
expect 125 kaio_run --vfs "ordered aio_lnux" touch was-run
has err 'error: --vfs: no module is named aio_lnux'
expect 125 kaio_run --audit missing/audit touch was-run
has err "error: --audit $PWD/missing/audit: can't be written: "
mkdir directory
expect 125 kaio_run --audit directory touch was-run
has err "error: --audit $PWD/directory: can't be written: "
[[ ! -e was-run ]] || fail "the program was run"
nothing_is_left
