# shellcheck shell=bash disable=SC2154
# File systems that this machine can make and mount: on each, in an image or in memory, fio's verification and the programs about
# data, by Tests/run itself. Only if they are asked for, as root:
#
#   Tests/run file-systems

# It counts system calls that are made on ext4, XFS and btrfs; elsewhere reads go other ways.
counts_calls=data/a_count_that_is_short_without_waiting_is_no_end
declare -A not_there=([tmpfs]=$counts_calls [overlay]=$counts_calls [fuse]=$counts_calls)
file_systems=(ext4 xfs btrfs tmpfs overlay fuse)

list_file_systems() {
    local kind
    [[ " $* " == *" file-systems"* ]] || return 0
    for kind in "${file_systems[@]}"; do cases+=("file-systems/$kind file-systems"); done
}

# mount_one KIND PLACE: in a mount namespace of its own, with files in the current directory.
mount_one() {
    truncate -s 2g image
    case $1 in
        ext4 | xfs | btrfs) "mkfs.$1" -q image && mount -o loop image "$2" ;;
        tmpfs) mount -t tmpfs -o size=2g none "$2" ;;
        overlay)
            mkfs.ext4 -q image && mkdir below && mount -o loop image below && mkdir below/{lower,upper,work} &&
                mount -t overlay -o lowerdir=below/lower,upperdir=below/upper,workdir=below/work none "$2"
            ;;
        # ext4 by a program of e2fsprogs.
        fuse)
            mkfs.ext4 -q image || return
            # In the foreground, so that it ends with the case.
            fuse2fs -f -o fakeroot image "$2" &
            for ((i = 0; i < 100; i++)); do
                ! mountpoint -q "$2" || return 0
                sleep 0.1
            done
            return 1
            ;;
    esac
}

file_system_case() {
    local kind=${name#*/}
    # shellcheck disable=SC2016 # the inner shell's
    bounded 1200 unshare --mount --propagation private bash -c "$(declare -f mount_one)"'
        cd "$1" && mkdir place && mount_one "$2" "$PWD/place" || exit
        export CHECK_LIBRARY=$3 CHECK_FILES=$PWD/place CHECK_JOBS=2
        failed=0
        for words in fio/direct fio/buffered "data/ preloaded"; do "$4/Tests/run" $words || failed=1; done
        umount "$PWD/place"
        exit $failed' bash "$dir/files" "$kind" "$library" "$root"
    local failures others
    failures=$(grep '^FAILED' "$dir/out")
    others=$(grep -v "${not_there[$kind]:-^$}" <<<"$failures")
    # Without a failure that is named it could not be mounted, or was too slow.
    if ((exit_code)) && [[ ! $failures || $others ]]; then
        conclude "on $kind: $(grep -m1 . <<<"$others" || tail -n 1 "$dir/err")"
    else
        echo "$(<"$dir/took"); $(grep -hE '^[0-9]+ passed' "$dir/out" | paste -sd ' ')" >"$dir/took.new"
        mv "$dir/took.new" "$dir/took"
        conclude
    fi
}
