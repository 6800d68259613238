#!/bin/bash
# man and whatis find each page, and each function by the page that has it.
. "$CHECK_ROOT/Tests/parts/support.bash"

"$CHECK_ROOT/Tools/manual" man man
for page in man/*; do
    section=${page##*.} name=${page##*/}
    lexgrog "$page" | grep -q "\"${name%.*} - " || fail "$page has no NAME that lexgrog understands: $(lexgrog "$page" 2>&1)"
    mkdir -p "share/man/man$section"
    cp "$page" "share/man/man$section"
done
mandb -q --user-db --no-purge share/man 2>message || fail "mandb: $(<message)"
for name in kaio kaio.conf kaio_stats kaio_open kaio_connection_dispatch kaio_vfs_register kaio_request_path aio_waitn; do
    man -M "$PWD/share/man" -w "$name" >found 2>message || fail "man finds no $name: $(<message)"
done
MANPATH=$PWD/share/man whatis kaio_full_audit 2>&1 | grep -q 'kaio_full_audit (8) *- writes a line' || fail "whatis finds no kaio_full_audit"
