#!/bin/bash
# holds: On a terminal kaio top has a screen of its own, follows its size, and leaves everything as it was: with q, Ctrl-C, Ctrl-\, SIGTERM, Ctrl-Z and at the program's end.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"
# shellcheck source=Tests/Command/serving.bash
. "$CHECK_ROOT/Tests/Command/serving.bash"

export TERM=xterm
escape=$'\e'
head -c 262144 /dev/zero >file
serve file

# session: kaio top on a terminal of its own; what is typed comes from descriptor 4. Leaves its output in `screen`.
session() {
    rm -f keys screen name before after code
    mkfifo keys
    local command="trap : INT QUIT; ulimit -c 0; tty >name; stty rows 20 cols 70; stty -g >before
        '$CHECK_COMMAND' top --interval 60 $process; echo \$? >code; stty -g >after"
    env --default-signal script -qefc "$command" screen <keys >/dev/null 2>&1 3>&- &
    terminal=$!
    exec 4>keys
    until_true grep -q "q quits" screen
}
# leaves CODE: the session is over, and the terminal as before.
leaves() {
    exec 4>&-
    wait "$terminal"
    has code "^$1\$"
    cmp -s before after || fail "the terminal's settings are not restored: $(<before), $(<after)"
    has screen "${escape}\[\?1049h"
    [[ $(tail -c 300 screen) == *"${escape}[?25h${escape}[?1049l"* ]] || fail "the screen is not left"
}
top_process() { pgrep -f "^$CHECK_COMMAND top --interval 60 $process\$"; }

# It is narrow, and has room for the file all the same.
session
has screen '50 % .*  op     file'
printf q >&4
leaves 0

session
printf '\003' >&4
leaves 130

session
printf '\034' >&4
leaves 131

session
kill -TERM "$(top_process)"
leaves 143

# A new size is drawn at once, not after the interval, and no line is longer.
session
order read 0 1
size=$(stat -c %s screen)
is_drawn() { (($(stat -c %s screen) > size)); }
stty -F "$(<name)" rows 6 cols 40
until_true is_drawn
printf q >&4
leaves 0

# Stopped, the terminal is the shell's; continued, it is drawn anew.
session
top=$(top_process)
kill -TSTP "$top"
is_stopped() { [[ $(state "$top") == T ]]; }
until_true is_stopped
[[ $(tail -c 300 screen) == *"${escape}[?1049l"* ]] || fail "stopped, it has the screen still"
size=$(stat -c %s screen)
kill -CONT "$top"
until_true is_drawn
printf q >&4
leaves 0

session
dismiss
leaves 0
has screen "process $process \(tools\) has ended"
