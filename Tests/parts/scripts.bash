# shellcheck shell=bash disable=SC2154
# The cases that are scripts: those of the command, of what is installed, of the manual, of Tests/run itself, and of system calls that fail. Each runs in an empty
# directory of its own, with CHECK_ROOT, CHECK_LIBRARY and CHECK_COMMAND set. It holds if it exits with 0; else the last
# line of its stderr says why not.

kaio_command=$(realpath -ms "${CHECK_COMMAND:-$root/.build/command/release/kaio-command}")

# command/exit_code is Tests/Command/exit_code.bash.
script_of() {
    local folder=${1%%/*}
    echo "${folder^}/${1#*/}.bash"
}

# What the cases of a folder share, check.bash and serving.bash, is none.
list_scripts() {
    local folder script
    for folder in command install manual runner faults; do
        for script in "$root/Tests/${folder^}"/*.bash; do
            script=${script##*/} script=${script%.bash}
            [[ $script == @(check|serving) ]] || cases+=("$folder/$script $folder")
        done
    done
}

# Runs a script of Tests/, with further variables.
script_case() {
    local limit
    limit=$(sed -n 's/^# May take \([0-9]*\) s.*/\1/p' "$root/Tests/$1")
    bounded "${limit:-300}" env -C "$dir/files" CHECK_ROOT="$root" CHECK_LIBRARY="$library" CHECK_COMMAND="$kaio_command" \
        "${@:2}" bash "$root/Tests/$1"
    if [[ $late ]]; then
        conclude hangs
    elif ((exit_code)); then
        conclude "$(tail -n 1 "$dir/err" | grep . || echo "exit code $exit_code")"
    else
        conclude
    fi
}
