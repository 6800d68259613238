#!/bin/bash
# The public headers compile without a warning in each standard of C and C++, alone and in any order, with gcc and clang.
. "$CHECK_ROOT/Tests/Install/check.bash"

strict=(-fsyntax-only -pedantic -Wall -Wextra -Werror -I "$CHECK_ROOT/include")
headers=(kaio.h kaio_bufio.h kaio_vfs.h) theirs=(aio.h signal.h fcntl.h sys/uio.h time.h stdio.h)

# Each header alone; each order of two; and before and after what declares the same types.
sources=0
source_of() {
    printf '#include <%s>\n' "$@" >"$sources.c"
    echo 'extern int nothing_else; int nothing_else;' >>"$sources.c"
    cp "$sources.c" "$sources.cc"
    sources=$((sources + 1))
}
for header in "${headers[@]}"; do
    source_of "$header"
    for other in "${headers[@]}"; do [[ $other == "$header" ]] || source_of "$header" "$other"; done
    source_of "$header" "${theirs[@]}"
    source_of "${theirs[@]}" "$header"
done

compile() {
    local compiler=$1 standard=$2 ending=$3
    # The oldest gcc and clang of Debian that is supported know C23 as c2x.
    "$compiler" "-std=$standard" "${strict[@]}" ./*"$ending" 2>messages ||
        fail "$compiler -std=$standard: $(head -n 3 messages)"
}
for standard in c99 c11 c17 c2x gnu99 gnu11; do
    compile gcc $standard .c
    ! command -v clang >found || compile clang $standard .c
done
for standard in c++11 c++14 c++17 c++20 c++2b; do
    compile g++ $standard .cc
    ! command -v clang++ >found || compile clang++ $standard .cc
done
