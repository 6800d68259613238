# shellcheck shell=bash disable=SC2154
# The manual. Each script of Tests/Manual is a case; support.bash says what it finds.

list_manual() {
    local script
    for script in "$root"/Tests/Manual/*.bash; do
        script=${script##*/}
        cases+=("manual/${script%.bash} manual")
    done
}
