# shellcheck shell=bash disable=SC2154
# The `kaio` command. Each script of Tests/Command is a case: see check.bash there, which is none.

kaio_command=$(realpath -ms "${CHECK_COMMAND:-$root/.build/command/release/kaio-command}")

list_command() {
    local file name
    for file in "$root"/Tests/Command/*.bash; do
        name=${file##*/} name=${name%.bash}
        [[ $name == @(check|serving) ]] || cases+=("command/$name command")
    done
}

command_case() {
    local reason
    bounded 60 env -C "$dir/files" CHECK_COMMAND="$kaio_command" CHECK_LIBRARY="$library" CHECK_ROOT="$root" \
        bash "$root/Tests/Command/${name#command/}.bash"
    reason=$(outcome)
    if [[ $reason == holds ]]; then
        conclude
    elif [[ $reason == fails:* ]]; then
        conclude "fails: $(tail -n1 "$dir/err")"
    else
        conclude "$reason"
    fi
}
