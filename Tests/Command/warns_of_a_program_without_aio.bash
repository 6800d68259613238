#!/bin/bash
# holds: A program that does not call POSIX AIO, nor its libraries, is named; one that may get to it is told apart.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

compile() { cc -o "$1" -x c - "${@:2}" 2>err || fail "cc $1"; }
compile none <<<'int main(void) { return 0; }'
expect 0 kaio_run ./none
has err 'warning: \./none and its libraries do not call POSIX AIO; kaio has nothing to do$'

compile loads <<<'#include <dlfcn.h>
int main(void) { return dlopen("libm.so.6", RTLD_NOW) == 0; }'
expect 0 kaio_run ./loads
has err 'do not call POSIX AIO; a module that it loads, may$'
expect 0 kaio_run sh -c true
has err 'do not call POSIX AIO; a program that it starts, may$'
printf '#!/usr/bin/env -S sh -e\ntrue\n' >script
chmod +x script
expect 0 kaio_run ./script
has err 'warning: \./script is a script: sh and its libraries do not call POSIX AIO; a program'

# Not a word where the program calls it, or a library of its library does.
build_tools
expect 0 kaio_run ./tools requests data 1 1
lacks err warning
compile libinner.so -shared -fPIC <<<'#include <aio.h>
int inner(void) { struct aiocb a = {0}; return aio_write(&a); }'
compile libouter.so -shared -fPIC -L. -linner -Wl,-rpath,"$PWD" <<<'int inner(void); int outer(void) { return inner(); }'
compile linked -L. -louter -Wl,-rpath,"$PWD" <<<'int outer(void); int main(int c, char **v) { (void)v; return c > 1 ? outer() : 0; }'
expect 0 kaio_run ./linked
lacks err warning
