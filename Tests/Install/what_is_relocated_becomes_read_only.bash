#!/bin/bash
# holds: In the library and the command, the pages that the dynamic linker relocates become read-only.
. "$CHECK_ROOT/Tests/Install/check.bash"

for object in "$CHECK_LIBRARY" "$CHECK_COMMAND"; do
    readelf -lW "$object" >segments || fail "readelf: $object"
    grep -q 'GNU_RELRO' segments || fail "${object##*/} has no GNU_RELRO segment"
done
exit 0
