#!/bin/bash
# holds: Where the name of a process's page is another file by now, of another file system and with the same number, kaio top does not take it for the page.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

((EUID == 0)) || { echo "skipped: file systems can be mounted by root only" && exit; }
build_tools
place=$(mktemp -d /tmp/kaio-top.XXXXXX)
trap 'umount -l "$place" "$place" 2>/dev/null; rmdir "$place"' EXIT
mkfifo orders
# Two that count alike, one on top of the other.
page() {
    mount -t tmpfs none "$place" 2>/dev/null || { echo "skipped: no mount" && exit; }
    head -c 770048 /dev/zero >"$place/kaio-live.1"
    stat -c %i "$place/kaio-live.1"
}
first=$(page)
./tools map "$place/kaio-live.1" <orders >answers &
exec 3>orders
until_true grep -q ready answers
read -r _ process <answers
expect 1 timeout 20 "$CHECK_COMMAND" top --once "$process"
has err "not a kaio page"
[[ $(page) == "$first" ]] || { echo "skipped: no two files have the same number" && exit; }
expect 1 timeout 20 "$CHECK_COMMAND" top --once "$process"
has err "not the file that process $process has"
exec 3>&-
wait
