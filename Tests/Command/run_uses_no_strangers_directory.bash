#!/bin/bash
# holds: kaio run makes its directory only where nobody but root and the caller can put another in its place; it says which variable names another place, and keeps what the library reads there to itself.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

((EUID == 0)) || { echo "skipped: a second user can be had by root only" && exit; }
stranger=65534
place=$PWD/places
mkdir -p "$place"/{own,open,sticky,strangers/ours,shared/ours}
chmod 777 "$place/open" "$place/shared"
chmod 1777 "$place/sticky"
chown $stranger "$place/strangers"
ln -s "$place/own" "$place/link"

# The directory of a run with this TMPDIR, in the variable directory.
# shellcheck disable=SC2016 # the program expands them
run_in() {
    expect 0 env TMPDIR="$1" "$CHECK_COMMAND" run --library "$CHECK_LIBRARY" --stats -- \
        bash -c 'echo "${KAIO_LIVE_DIR}" && stat -c "%a %u" "$KAIO_LIVE_DIR" && stat -c "%a %n" "$KAIO_LIVE_DIR"/* && cat "$KAIO_CONFIG"'
    read -r directory <out
    has out '^700 0$'
    has out "^600 $directory/kaio.conf\$"
    [[ ! -e $directory ]] || fail "left behind: $directory"
}

for good in own sticky link; do
    run_in "$place/$good"
    real=$(realpath "$place/$good")
    [[ ${directory%/*} == "$real" ]] || fail "TMPDIR=$good: the run is in $directory"
    lacks err 'is not used'
done
for bad in open strangers strangers/ours shared/ours; do
    run_in "$place/$bad"
    [[ $directory != "$place"/* ]] || fail "TMPDIR=$bad: the run is in $directory"
    has err "TMPDIR=$place/$bad is not used: others can write to it, or to a directory above it"
done
# The same of the other variable.
expect 0 env -u TMPDIR XDG_RUNTIME_DIR="$place/strangers" "$CHECK_COMMAND" run --library "$CHECK_LIBRARY" true
has err "XDG_RUNTIME_DIR=.* is not used"

# A configuration of his is an error before the program runs.
echo '[global]' >strangers.conf
chown $stranger strangers.conf
expect 125 "$CHECK_COMMAND" run --library "$CHECK_LIBRARY" --config strangers.conf touch ran
has err 'strangers.conf: not used, as others can change it: it belongs to another user'
[[ ! -e ran ]] || fail "the program ran"

left=("$place"/*/kaio.* "$place"/*/*/kaio.*)
[[ ! -e ${left[0]} && ! -e ${left[1]} ]] || fail "left behind: ${left[*]}"
