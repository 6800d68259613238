# shellcheck shell=bash disable=SC2154
# The cases that are fuzzers: fuzz/TARGET, for CHECK_FUZZ_SECONDS each (20). They stop with an input that stops a reader.

list_fuzz() {
    local target
    for target in $("$root/Tests/fuzz/run" --list); do cases+=("fuzz/$target fuzz"); done
}

fuzz_case() {
    bounded 900 "$root/Tests/fuzz/run" --seconds "${CHECK_FUZZ_SECONDS:-20}" "${name#fuzz/}"
    if [[ $late ]]; then
        conclude hangs
    elif ((exit_code)); then
        conclude "$(tail -n 1 "$dir/err" | grep . || echo "exit code $exit_code")"
    else
        conclude
    fi
}
