# shellcheck shell=bash disable=SC2154
# The soak of Tests/Soak for a few seconds, also with each file in bufio, and whether it notices what it is there for: with
# `--break` the program does one
# thing wrong itself.

list_soak() {
    local mode
    for mode in preloaded linked static; do cases+=("soak/nothing_is_lost $mode"); done
    cases+=("soak/nothing_is_lost_in_a_cache preloaded" "soak/nothing_is_lost_in_a_cache_that_writes_back preloaded")
    cases+=("soak/a_broken_library_is_noticed preloaded")
}

soak_case() {
    local command=(env CHECK_LIBRARY="$library" "$root/Tests/Soak/run" "$mode")
    local cache="bufio:files=all; bufio:size=1M; bufio:block=2k"
    [[ $name != *writes_back ]] || cache+="; bufio:mode=writeback"
    if [[ $name == *cache* ]]; then
        command=(env KAIO_VFS_OBJECTS="bufio ordered aio_linux aio_poll aio_pthread" KAIO_VFS_PARAMETERS="$cache" "${command[@]}")
    fi
    if [[ $name == soak/nothing_is_lost* ]]; then
        bounded 120 "${command[@]}" --seconds "$([[ $mode == preloaded ]] && echo 10 || echo 5)"
        if [[ $(outcome) == holds ]]; then conclude; else conclude "$(outcome)"; fi
        return
    fi
    local fault noticed missed=()
    while IFS=$'\t' read -r fault noticed; do
        # On a busy machine the short run may find something else first, such as threads that came for a burst of notifications.
        for _ in 1 2 3; do
            bounded 60 "${command[@]}" --seconds 4 --bound 4 --actors buffered,pipes,closer,forks,threads --break "$fault"
            if ((exit_code == 1)) && grep -q "does not hold: .*$noticed" "$dir/err"; then continue 2; fi
        done
        missed+=("$fault")
    done < <("${command[@]}" --list)
    if ((${#missed[@]})); then conclude "not noticed: ${missed[*]}"; else conclude; fi
}
