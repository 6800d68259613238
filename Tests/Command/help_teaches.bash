#!/bin/bash
# holds: Each command has a help with examples and exit codes, of no more than 80 columns; versions are shown.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

for command in "" run doctor testparm; do
    # shellcheck disable=SC2086 # none or one word
    expect 0 "$CHECK_COMMAND" $command --help
    [[ ! -s err ]] || fail "'kaio $command --help' writes to stderr"
    has out '^  kaio '
    has out 'codes'
    lacks out '^.{81}'
done
expect 0 "$CHECK_COMMAND" run --stats --help
has out '^USAGE: kaio run'
expect 0 "$CHECK_COMMAND"
has out '^USAGE: kaio'
expect 0 "$CHECK_COMMAND" --version
version=$(sed -n 's/^#define KAIO_VERSION "\(.*\)"/\1/p' "$CHECK_ROOT/include/kaio.h")
has out "^kaio $version\$"
has out "^library $version \\(/"
