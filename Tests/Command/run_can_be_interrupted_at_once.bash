#!/bin/bash
# holds: A signal ends kaio run while it asks a program's loader, and the loader with it; who is asked has the caller's signal mask, and a configuration that is a FIFO is an error.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

build_tools
# A loader that is asked for the libraries and never answers.
cat >loader.c <<'C'
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int main(void) {
    char line[256];
    FILE *status = fopen("/proc/self/status", "r"), *asked = fopen("asked.new", "w");
    while (fgets(line, sizeof line, status))
        if (strncmp(line, "SigBlk", 6) == 0) fputs(line, asked);
    fprintf(asked, "%d\n", (int)getpid());
    fclose(asked);
    rename("asked.new", "asked");
    for (;;) pause();
}
C
cc -O1 -o loader loader.c 2>err || fail loader.c
echo 'int main(void) { return 0; }' >program.c
cc -o program program.c -Wl,--dynamic-linker="$PWD/loader" 2>err || fail program.c

for signal in TERM HUP; do
    rm -f asked
    ./tools status "$CHECK_COMMAND" run --library "$CHECK_LIBRARY" ./program >how 2>err &
    until_true test -e asked
    has asked '^SigBlk:	0+$'
    loader=$(tail -n 1 asked)
    command=$(ps -o ppid= -p "$loader")
    kill -$signal "$command"
    wait $!
    has how "^signal $(kill -l $signal)\$"
    ! kill -0 "$loader" 2>/dev/null || fail "the loader still runs after SIG$signal"
    nothing_is_left
done

# A program whose file is slow to open: who has a lease on it keeps exec waiting, for 45 seconds as a rule.
cat >lease.c <<'C'
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
int main(void) {
    signal(SIGIO, SIG_IGN);
    puts(fcntl(open("slow", O_RDWR), F_SETLEASE, F_WRLCK) == 0 ? "has it" : "has none");
    fflush(stdout);
    sleep(60);
}
C
cc -O1 -o lease lease.c 2>err || fail lease.c
cp /bin/true slow
./lease >lease.out &
lease=$!
until_true grep -q has lease.out
if grep -q 'has it' lease.out; then
    "$CHECK_COMMAND" run --quiet --library "$CHECK_LIBRARY" ./slow 2>err &
    command=$!
    until_true pgrep -P $command >/dev/null
    kill -TERM $command
    has_ended() { [[ ! -e /proc/$command || $(state "$command") == Z ]]; }
    until_true has_ended
    wait $command
    (($? == 128 + 15)) || fail "it did not end by the signal"
    nothing_is_left
else
    echo "skipped: no leases here"
fi
kill $lease

mkfifo fifo
expect 125 timeout 20 "$CHECK_COMMAND" run --library "$CHECK_LIBRARY" --config fifo true
has err 'fifo: not a regular file'
expect 2 timeout 20 "$CHECK_COMMAND" testparm --library "$CHECK_LIBRARY" fifo
has err 'fifo: not a regular file'
expect 125 timeout 20 "$CHECK_COMMAND" run --library fifo true
has err 'fifo: not a regular file'
expect 1 timeout 20 "$CHECK_COMMAND" doctor --library fifo
# A library among the program's that is a FIFO is not waited for either.
expect 0 timeout 20 "$CHECK_COMMAND" run --library "$CHECK_LIBRARY" true
nothing_is_left
