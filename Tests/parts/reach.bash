# shellcheck shell=bash
# Cases with a second user need the programs and the library where that user can reach them.

# warn_of_closed NAME DIRECTORY: says which directory on the way lets nobody else in, where that matters.
warn_of_closed() {
    local place=$2
    ((EUID == 0)) || return 0
    while [[ $place != / ]]; do
        if [[ $(stat -c %a "$place") != *[1357] ]]; then
            echo "$1: other users can't enter $place, so cases with a second user fail; 'chmod o+x $place' lets them" >&2
        fi
        place=$(dirname "$place")
    done
}
