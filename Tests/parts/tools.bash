# shellcheck shell=bash disable=SC2154
# Real programs on the preloaded library: fio, which verifies what it reads, and stress-ng. Each must
# succeed, and the library's own statistics must show that kaio did the requests.

declare -A fio_jobs=(
    [fio/direct_depth_1]="--direct=1 --iodepth=1 --rw=randrw --bs=4k --size=16m"
    [fio/direct_depth_32]="--direct=1 --iodepth=32 --rw=randrw --bs=4k --size=64m"
    [fio/direct_mixed_sizes]="--direct=1 --iodepth=16 --rw=randrw --bsrange=4k-256k --size=64m"
    [fio/direct_sequential]="--direct=1 --iodepth=8 --rw=write --bs=64k --size=64m --fdatasync=32"
    [fio/buffered_depth_1]="--iodepth=1 --rw=randrw --bs=4k --size=32m"
    [fio/buffered_depth_32]="--iodepth=32 --rw=randrw --bs=4k --size=64m"
    [fio/buffered_mixed_sizes]="--iodepth=16 --rw=randrw --bsrange=512-256k --bs_unaligned --size=64m --fsync=64"
    [fio/buffered_sequential]="--iodepth=32 --rw=write --bs=16k --size=64m"
    [fio/buffered_not_cached]="--iodepth=32 --rw=randrw --bs=16k --size=64m --invalidate=1 --verify_backlog=512"
    [fio/several_threads]="--direct=1 --iodepth=32 --rw=randrw --bs=4k --size=16m --numjobs=4"
)

list_tools() {
    local name
    for name in $(printf '%s\n' "${!fio_jobs[@]}" | sort); do cases+=("$name preloaded"); done
    cases+=("stress-ng/aio preloaded")
}

# Adds up a member of all statistics files.
counted() { jq -s "map($1) | add // 0" "$dir"/stats.*; }

tool_case() {
    local preload=$library settings command result transfers bytes
    if [[ $name == fio/* ]]; then
        # In threads, since fio's processes leave with _exit and would write no statistics.
        read -ra command <<<"${fio_jobs[$name]}"
        command=(fio --name=verified --ioengine=posixaio --thread --verify=crc32c --verify_fatal=1
            --verify_state_save=0 --randrepeat=0 --output-format=json --output="$dir/report" "${command[@]}")
    else
        command=(stress-ng --aio 2 --aio-requests 32 --timeout 4 --verify --temp-path "$dir/files")
        preload+=" $root/.build/tests/exit.so"
    fi
    # Without housekeeping: after its 30 seconds it would repair a lost wake-up, and nobody would see.
    settings=(KAIO_STATS_FILE="$dir/stats.%p" KAIO_IDLE_SECONDS=0 LD_PRELOAD="$preload")
    bounded 60 env -C "$dir/files" "${settings[@]}" "${command[@]}"
    result=$(outcome)
    if [[ $result != holds ]]; then
        conclude "$result"
        return
    fi
    transfers=$(counted '.requests.read + .requests.write')
    if [[ $name == fio/* ]]; then
        # fio's reports begin with its warnings.
        read -r expected bytes < <(sed -n '/^{/,$p' "$dir/report" |
            jq -r '[.jobs[] | .read, .write] | "\(map(.total_ios) | add) \(map(.io_bytes) | add)"')
        if ((${transfers:-0} < ${expected:-1})); then
            conclude "kaio counted ${transfers:-no} transfers, fio $expected ($bytes bytes)"
            return
        fi
    elif ((${transfers:-0} == 0)); then
        conclude "kaio counted no transfers"
        return
    fi
    conclude
}
