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

# A cache in between must give back what was written, and have it all in the file at the end.
declare -A fio_caches=(
    [fio/bufio_write_through]="bufio:size=8M"
    [fio/bufio_write_back]="bufio:size=8M; bufio:mode=writeback"
    [fio/bufio_small]="bufio:size=64k; bufio:mode=writeback"
    [fio/bufio_large_blocks]="bufio:size=4M; bufio:block=64k; bufio:mode=writeback"
    [fio/bufio_of_buffered_files]="bufio:size=8M; bufio:files=all"
)
fio_jobs+=(
    [fio/bufio_write_through]="--direct=1 --iodepth=32 --rw=randrw --bs=4k --size=32m"
    [fio/bufio_write_back]="--direct=1 --iodepth=32 --rw=randrw --bs=4k --size=32m --fsync=100 --numjobs=2"
    [fio/bufio_small]="--direct=1 --iodepth=32 --rw=randrw --bsrange=4k-64k --size=16m"
    [fio/bufio_large_blocks]="--direct=1 --iodepth=16 --rw=randrw --bsrange=4k-256k --size=32m --fdatasync=16"
    [fio/bufio_of_buffered_files]="--iodepth=16 --rw=randrw --bsrange=512-64k --bs_unaligned --size=32m --fsync=64"
)

# What a module does to fio: its parameters, and fio's options. One job reads, one writes.
declare -A fio_parameters=(
    [fio/error_inject]='error_inject:rules="read EIO every 100; write EILSEQ nth 7"'
    [fio/delay_inject]='delay_inject:delay=5ms'
    [fio/aio_ratelimit]='aio_ratelimit:read_iops=1000; aio_ratelimit:write_bytes=8M'
)
declare -A fio_options=(
    [fio/error_inject]="--direct=1 --iodepth=8 --bs=4k --size=16m --continue_on_error=all"
    [fio/delay_inject]="--direct=1 --iodepth=4 --bs=4k --size=16m --io_size=8m --lat_percentiles=1 --clat_percentiles=0"
    [fio/aio_ratelimit]="--iodepth=16 --bs=8k --size=16m --time_based --runtime=5"
)

# Runs fio with a stack; sets `seen` to something of its report.
run_fio() {
    local stack=$1 filter=$2 options
    read -rd '' -a options <<<"${fio_options[$name]}"
    bounded 60 env -C "$dir/files" KAIO_IDLE_SECONDS=0 LD_PRELOAD="$library" KAIO_VFS_OBJECTS="$stack" \
        KAIO_VFS_PARAMETERS="${fio_parameters[$name]}" fio --ioengine=posixaio --thread --output-format=json \
        --output="$dir/report" "${options[@]}" --name=reads --rw=randread --name=writes --rw=randwrite
    seen=$(sed -n '/^{/,$p' "$dir/report" | jq -r "[$filter | floor] | join(\" \")")
}

# Each module must have its effect on what fio sees, and no other.
module_case() {
    local stack="ordered ${name#fio/} aio_linux aio_poll" seen before problem=''
    case $name in
        fio/error_inject)
            # Of 4096 reads every 100th, and one of the writes.
            run_fio "$stack" '.jobs[] | .total_err, .first_error'
            [[ $seen == "40 5 1 84" ]] || problem="fio saw '$seen', not 40 errors EIO (5) and 1 EILSEQ (84)"
            ;;
        fio/aio_ratelimit)
            run_fio "$stack" '.jobs[0].read.iops, .jobs[1].write.bw_bytes / 1024'
            awk '{ exit !(NF == 2 && $1 > 950 && $1 < 1050 && $2 > 7782 && $2 < 8602) }' <<<"$seen" ||
                problem="'$seen' reads and KiB written in a second, not 1000 and 8192"
            ;;
        fio/delay_inject)
            # With the time of the submitting call: the delay begins when the transfer is done, maybe in that call.
            local latencies='.jobs[0].read, .jobs[1].write | .lat_ns | .percentile["50.000000"] / 1000, .min / 1000'
            # Two runs are compared, and the disk may be another's in one of them: so up to three times.
            for _ in 1 2 3; do
                run_fio "ordered aio_linux aio_poll" "$latencies"
                before=$seen problem=''
                run_fio "$stack" "$latencies"
                # The medians move by 5 ms; nothing is shorter than that.
                awk 'function moved(from, to) { return to - from > 4900 && to - from < 5500 }
                    { exit !(NF == 8 && moved($1, $5) && moved($3, $7) && $6 >= 4999 && $8 >= 4999) }' \
                    <<<"$before $seen" && break
                problem="medians and minimums moved from '$before' to '$seen' us, not by 5000 us"
            done
            ;;
    esac
    if [[ $problem ]]; then conclude "$problem"; else conclude; fi
}

list_tools() {
    local name
    for name in $(printf '%s\n' "${!fio_jobs[@]}" "${!fio_options[@]}" | sort); do cases+=("$name preloaded"); done
    cases+=("stress-ng/aio preloaded")
}

# Adds up a member of all statistics files.
counted() { jq -s "map($1) | add // 0" "$dir"/stats.*; }

tool_case() {
    local preload=$library settings command result transfers bytes
    if [[ ${fio_options[$name]-} ]]; then
        module_case
        return
    fi
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
    if [[ ${fio_caches[$name]-} ]]; then
        settings+=(KAIO_VFS_OBJECTS="bufio ordered aio_linux aio_poll aio_pthread" KAIO_VFS_PARAMETERS="${fio_caches[$name]}")
    fi
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
