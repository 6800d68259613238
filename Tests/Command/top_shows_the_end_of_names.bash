#!/bin/bash
# holds: However narrow the terminal is, kaio top shows the end of each file's name, also where its letters take two columns each.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"
# shellcheck source=Tests/Command/serving.bash
. "$CHECK_ROOT/Tests/Command/serving.bash"

export TERM=xterm LC_ALL=C.UTF-8
wide=文件文件文件文件文件文件文件文件末
head -c 65536 /dev/zero | tee "$wide" >a-name-of-a-file-with-an.end
serve a-name-of-a-file-with-an.end "$wide"
order read 0 2
order read 1 2
for columns in 24 40 80 200; do
    rm -f keys screen
    mkfifo keys
    env --default-signal script -qefc "stty rows 20 cols $columns; '$CHECK_COMMAND' top --interval 0.3 $process" screen <keys >/dev/null 2>&1 3>&- &
    terminal=$!
    exec 4>keys
    # The files are there once something was counted while it looks.
    for ((tries = 0; tries < 100; tries++)); do
        order read 0 2
        order read 1 2
        ! grep -q 'an\.end' screen || ! grep -q '末' screen || break
        sleep 0.1
    done
    printf q >&4
    exec 4>&-
    wait "$terminal"
    # No line is wider than the terminal, which would cut it.
    sed 's/\x1b\[[0-9;?]*[A-Za-z]/\n/g' screen | tr '\r' '\n' >lines
    grep -q 'an\.end$' lines || fail "at $columns columns the end of a name is not there"
    grep -q '末$' lines || fail "at $columns columns the end of a wide name is not there"
    python3 - "$columns" <<'PYTHON' 2>err || fail "at $columns columns a line is too wide"
import sys, unicodedata
for line in open("lines", encoding="utf-8", errors="replace"):
    line = line.rstrip("\n")
    if " read " in line and sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line) > int(sys.argv[1]):
        sys.exit(line)
PYTHON
done
dismiss
