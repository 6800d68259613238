#!/bin/bash
# holds: Each command has a help with examples and exit codes, none of them broken; versions are shown.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

for command in "" run doctor testparm; do
    # shellcheck disable=SC2086 # none or one word
    expect 0 "$CHECK_COMMAND" $command --help
    [[ ! -s err ]] || fail "'kaio $command --help' writes to stderr"
    has out '^  kaio '
    has out 'codes'
    # The parser breaks lines at 80 columns, at which an example would not be one any more.
    broken=$(awk 'example && $0 != "" && !/^  kaio / { print } { example = /^  kaio / }' out)
    [[ ! $broken ]] || fail "an example of 'kaio $command --help' is broken: $broken"
done
expect 0 "$CHECK_COMMAND" run --stats --help
has out '^USAGE: kaio run'
expect 0 "$CHECK_COMMAND"
has out '^USAGE: kaio'
expect 0 "$CHECK_COMMAND" --version
version=$(sed -n 's/^#define KAIO_VERSION "\(.*\)"/\1/p' "$CHECK_ROOT/include/kaio.h")
has out "^kaio $version\$"
has out "^library $version \\(/"
