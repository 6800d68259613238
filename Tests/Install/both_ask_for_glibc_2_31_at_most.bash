#!/bin/bash
# holds: The library and the command ask for no symbol of the C library that is newer than its version 2.31, and for nothing of C++.
. "$CHECK_ROOT/Tests/Install/check.bash"

for object in "$CHECK_LIBRARY" "$CHECK_COMMAND"; do
    objdump -T "$object" >symbols || fail "objdump: $object"
    newest=$(grep -o 'GLIBC_[0-9.]*' symbols | sed 's/GLIBC_//' | sort -Vu | tail -n 1)
    echo "$object: $newest"
    [[ $newest ]] || fail "$object: no versions are found"
    [[ $(printf '%s\n' "$newest" 2.31 | sort -V | tail -n 1) == 2.31 ]] ||
        fail "${object##*/} asks for glibc $newest: $(grep -F "GLIBC_$newest" symbols | awk '{ print $NF }' | xargs)"
    ! grep -q 'GLIBCXX\|CXXABI' symbols || fail "${object##*/} asks for the C++ runtime"
    # Each of the C library's own parts.
    others=$(readelf -dW "$object" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' |
        grep -vxE 'lib(c|m)\.so\.6|libpthread\.so\.0|libdl\.so\.2|librt\.so\.1|libgcc_s\.so\.1|ld-linux.*') &&
        fail "${object##*/} needs $others"
done
exit 0
