#!/bin/bash
# holds: kaio doctor --report says what a report of a fault needs, and nothing that names a person, the machine or a file.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

mkdir -p home/secret-place "home-of-others"
cp "$CHECK_LIBRARY" home/libkaio.so
export HOME=$PWD/home
export KAIO_STATS_FILE=$HOME/numbers.%p KAIO_MODULE_DIR=/home/somebody/modules KAIO_CONFIG=$PWD/home-of-others/kaio.conf
export UNRELATED=unrelated-secret
expect 0 "$CHECK_COMMAND" doctor --report --library home/libkaio.so home/secret-place
[[ ! -s err ]] || fail "stderr has something"
has out "^kaio +$(sed -n 's/^#define KAIO_VERSION "\(.*\)"/\1/p' "$CHECK_ROOT/include/kaio.h")\$"
has out "^kernel +Linux $(uname -r | sed 's/[.+]/\\&/g') on "
has out "^C library +glibc [0-9.]+$"
has out "^system +$(sed -n 's/^PRETTY_NAME="\?\([^"(]*\).*/\1/p' /etc/os-release)"
has out "^file system +$(findmnt -no FSTYPE --target .), mounted with r"
has out '^limit of descriptors +[0-9]+, '
has out '^(ok|workers) +io_setup '
has out '^ok +library +~/libkaio\.so, version '
has out '^KAIO_STATS_FILE=~/numbers\.%p$'
has out '^KAIO_MODULE_DIR=~/modules$'
# It begins alike, but is another directory.
has out "^KAIO_CONFIG=$PWD/home-of-others/kaio\\.conf$"
for secret in "$HOME/" secret-place somebody "$(hostname)" unrelated "$(id -un):"; do
    ! grep -qF -- "$secret" out || fail "'$secret' is in the report: $(grep -F -- "$secret" out)"
done
[[ -z $(ls -A home/secret-place) ]] || fail "something is left there"

expect 2 "$CHECK_COMMAND" doctor --report --json
has err "can't be used together"
