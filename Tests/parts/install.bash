# shellcheck shell=bash disable=SC2154
# Tests/Install: what is installed, packaged, and used from where it was installed. Each case is a script that runs in
# an empty directory and exits 0 if its first line's sentence holds; else the last line of its stderr says why not.

list_install() {
    local script
    for script in "$root"/Tests/Install/*.bash; do
        script=${script##*/}
        cases+=("install/${script%.bash} install")
    done
}

install_case() {
    local script="$root/Tests/Install/${name#install/}.bash"
    bounded 300 env -C "$dir/files" CHECK_ROOT="$root" CHECK_LIBRARY="$library" \
        CHECK_COMMAND="$root/.build/command/release/kaio-command" bash "$script"
    if [[ $late ]]; then
        conclude hangs
    elif ((exit_code)); then
        conclude "$(tail -n 1 "$dir/err" | grep . || echo "exit code $exit_code")"
    else
        conclude
    fi
}
