#!/bin/bash
# holds: Where O_DIRECT or the raw interface is refused, kaio bench says so and measures what works; what is wrong with the question is said before the time is spent.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

build_tools
mkdir place
words=(bench --library "$CHECK_LIBRARY" --quick --seconds 2 --size 8m)

io_setup=$(printf '#include <sys/syscall.h>\nSYS_io_setup\n' | cc -E -P -x c - | tail -n1)
expect 0 ./tools refuse "$io_setup" 1 "$CHECK_COMMAND" "${words[@]}" --json place
jq -e '([.workloads[].engines | .raw == null and .glibc != null and .kaio != null] | all) and
    (.notes | length == 1 and (.[0] | startswith("raw: ")))' out >/dev/null || fail "without io_setup: $(<out)"

# Where nobody gets the table, that is an error; what else was asked for is there.
"$CHECK_COMMAND" "${words[@]}" --svg drawing.svg place >/dev/full 2>err
result=$?
((result == 2)) || fail "with a full output it ended with $result"
has err 'stdout: No space'
grep -q '</svg>' drawing.svg || fail "no drawing where the table can't be written"

cat >shim.c <<'C'
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>
int open(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    int mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(arguments, int) : 0;
    va_end(arguments);
    if (flags & 040000) {
        errno = EINVAL;
        return -1;
    }
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}
int open64(const char *, int, ...) __attribute__((alias("open")));
C
cc -D_GNU_SOURCE -shared -fPIC -o shim.so shim.c 2>err || fail "shim.c"
expect 0 env LD_PRELOAD="$PWD/shim.so" "$CHECK_COMMAND" "${words[@]}" place
has out "O_DIRECT is refused here \(Invalid argument\): buffered transfers instead"
has out "^buffered write, depth 32 .*[1-9]"
lacks out "^O_DIRECT (read|write)"

# wrong CODE PATTERN WORD ...
wrong() {
    expect "$1" "$CHECK_COMMAND" bench --library "$CHECK_LIBRARY" "${@:3}"
    has err "^kaio: error: .*$2"
}
wrong 2 "No such file or directory" nowhere
wrong 2 "Not a directory" shim.c
wrong 2 "svg nowhere/plot.svg: No such file" --svg nowhere/plot.svg place
wrong 2 "are free; the file needs" --size 900t place
wrong 2 "size takes a size" --size 4k place
wrong 2 "seconds takes a number from 2" --seconds 1 place
expect 2 "$CHECK_COMMAND" bench --library /nowhere/libkaio.so place
[[ -z $(ls -A place) ]] || fail "left behind: $(ls -A place)"
