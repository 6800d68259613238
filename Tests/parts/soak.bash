# shellcheck shell=bash disable=SC2154
# The soak of Tests/Soak for a few seconds, also with each file in bufio, and with requests that wait in aio_priority, group_sync and
# follow; and whether it notices what it is there for: with `--break` the program does one thing wrong itself.

list_soak() {
    local mode
    for mode in preloaded linked static; do cases+=("soak/nothing_is_lost $mode"); done
    cases+=("soak/nothing_is_lost_in_a_cache preloaded" "soak/nothing_is_lost_in_a_cache_that_writes_back preloaded")
    cases+=("soak/nothing_is_lost_in_the_order_of_priorities preloaded" "soak/nothing_is_lost_at_the_end_of_files preloaded")
    cases+=("soak/a_broken_library_is_noticed preloaded")
}

soak_case() {
    local objects="" parameters="" settings=() parts=()
    case $name in
        *cache*)
            objects="bufio ordered aio_linux aio_poll aio_pthread"
            parameters="bufio:files=all; bufio:size=1M; bufio:block=2k"
            ;;&
        *writes_back) parameters+="; bufio:mode=writeback" ;;
        *priorities)
            objects="group_sync ordered aio_priority aio_linux aio_poll aio_pthread"
            parameters="aio_priority:depth=8"
            ;;
        *end_of_files)
            # Reads at the end of what grows are another's there.
            objects="follow group_sync ordered aio_priority aio_linux aio_poll aio_pthread"
            parameters="follow:timeout=1ms"
            parts=(--actors "file,stream,eventfds,idle,closer,forks,threads")
            ;;
    esac
    [[ ! $objects ]] || settings=(KAIO_VFS_OBJECTS="$objects" KAIO_VFS_PARAMETERS="$parameters")
    local command=(env CHECK_LIBRARY="$library" "${settings[@]}" "$root/Tests/Soak/run" "$mode" "${parts[@]}")
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
