# shellcheck shell=bash
# Runs inside the guest of Tests/kernels, as its first process. What it says on the console is read there.
export PATH=/bin HOME=/root LC_ALL=C KAIO_RING_AFTER=0
host=@FACTOR@ jobs=@JOBS@
sep=$'\x1f'
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmp /tmp
mkdir -p /dev/pts /dev/shm
mount -t devpts -o ptmxmode=666 devpts /dev/pts
mount -t tmpfs shm /dev/shm
ln -sf /proc/self/fd /dev/fd
ln -sf fd/0 /dev/stdin
exec </dev/null
ip link set lo up
ulimit -c 0
echo 1 >/proc/sys/kernel/panic_on_oops
mount -t tmpfs files /files
for disk in vdb:ext4 vdc:xfs vdd:btrfs; do
    mkdir -p "/files/${disk#*:}"
    mount -t "${disk#*:}" "/dev/${disk%:*}" "/files/${disk#*:}" || echo "@say no ${disk#*:} here"
done
# Else khugepaged gives programs memory that they have never touched, where they measure what they have.
echo 0 >/sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_none
read -r _ _ release _ </proc/version
echo "@kernel $release"

read -r began _ </proc/uptime
head -c 40000000 /dev/zero | sha256sum >/dev/null
read -r ended _ </proc/uptime
# Several jobs run at a time; and what waits for a disk or for threads is slowed down by more than what computes.
factor=$((2 * (10#${ended/./} - 10#${began/./}) / host + 3))
echo "@say limits are $factor times those of the programs"

# one NAME LIMIT ENVIRONMENT: runs a program on ext4, or a job of fio; sets result, took and text.
one() {
    local limit=$(($2 * factor < 600 ? $2 * factor : 600 + $2)) me=$BASHPID directory=/files/ext4/$BASHPID code settings=() began ended run
    run=(env CHECK_SLOWER=$((factor < 30 ? factor : 30)) CHECK_LIBRARY=/kaio/libkaio.so CHECK_COMMAND=/bin/kaio LD_LIBRARY_PATH=/kaio LD_PRELOAD=/kaio/libkaio.so)
    if [[ $1 == fio/* ]]; then
        run+=(fio --output="/tmp/$me.out" "${verified[@]}")
        directory=${1#fio/} directory=/files/${directory%%_*}/$me
        [[ $1 != *direct* ]] || run+=(--direct=1)
        run+=(--iodepth="${1##*_}")
    else
        [[ ! $3 ]] || mapfile -t settings < <(xargs -n1 printf '%s\n' <<<"$3")
        run+=(CHECK_DIRECTORY="$directory" "${settings[@]}" "/tests/$1")
    fi
    mkdir -p "$directory"
    read -r began _ </proc/uptime
    if [[ $1 == fio/* ]] && ! grep -q " ${directory%/*} " /proc/mounts; then
        took=0 result=fails text="there is no ${directory%/*}"
        return
    fi
    cd "$directory" || return
    timeout -s KILL "$limit" "${run[@]}" >"/tmp/$me.out" 2>"/tmp/$me.err"
    code=$?
    cd /
    read -r ended _ </proc/uptime
    took=$(((10#${ended/./} - 10#${began/./}) / 100)) text='' result=fails
    if ((code == 0)); then
        result=holds
        text=$(sed -n 's/^measured: //p' "/tmp/$me.out")
    elif ((code == 137)); then
        text="hangs, or takes longer than $limit s"
    else
        text=$(grep -m1 -E '^[^ ]+\.[ch]:[0-9]+: ' "/tmp/$me.err" || tail -n1 "/tmp/$me.err")
        text=${text:-ends with $code}
    fi
    rm -rf "$directory" "/tmp/$me".*
}

# A checksum in each block that is written, and compared when it is read.
verified=(--name=verify --ioengine=posixaio --thread --rw=randrw --bs=4k --size=8m --verify=crc32c --verify_fatal=1 --fsync=64 --minimal)

say() { printf '@result %s%s%s%s%s%s%s\n' "$1" "$sep" "$result" "$sep" "$took" "$sep" "${text:0:300}"; }

# Whether nobody has taken this number of the list before.
take() {
    local status
    set -o noclobber
    { : >"/tmp/taken/$1"; } 2>/dev/null
    status=$?
    set +o noclobber
    return $status
}

# Some at a time; what fails is tried again, alone, in the end.
part() {
    local number=0 name limit environment
    while IFS=$sep read -r name limit environment; do
        number=$((number + 1))
        take $number || continue
        one "$name" "$limit" "$environment"
        if [[ $result == fails ]]; then
            echo "$name$sep$limit$sep$environment$sep$text" >>/tmp/again
            result=beside
        fi
        say "$name"
    done </list
}
mkdir /tmp/taken
: >/tmp/again
for ((number = 0; number < jobs; number++)); do part & done
wait
while IFS=$sep read -r name limit environment before; do
    one "$name" "$limit" "$environment"
    [[ $result == fails ]] || { result=again text=$before; }
    say "$name"
done </tmp/again

# The command with a program of its own: both versions, each request of fio's counted and in the log, and its data verified.
command_runs_programs() {
    local audited
    cd /files/ext4 || return
    LD_LIBRARY_PATH=/kaio kaio --version >/tmp/versions 2>&1
    kaio run --library /kaio/libkaio.so --stats --audit /tmp/audit -- fio --output=/dev/null "${verified[@]}" --size=1m --iodepth=8 2>/tmp/summary
    result=fails text="kaio run ends with $?: $(tail -n 1 /tmp/summary)"
    audited=$(grep -c 'result=4096' /tmp/audit)
    if ! grep -q '^kaio [0-9]' /tmp/versions || ! grep -q '^library [0-9]' /tmp/versions; then
        text="kaio --version says $(xargs </tmp/versions)"
    elif grep -q 'ended after .*[0-9] asynchronous requests' /tmp/summary && ((audited >= 256)); then
        result=holds text=''
    fi
    cd /
    rm -f /files/ext4/verify.*
}

# doctor PLACE DIRECTORY: what it says of a place that Tests/kernels knows what to expect of.
doctor() { kaio doctor --library /kaio/libkaio.so "$2" | sed "s/^/@doctor $1 /"; }
if [[ -x /bin/kaio ]]; then
    took=0
    command_runs_programs
    say doctor/the_command_runs_programs
    doctor ext4 /files/ext4
    doctor xfs /files/xfs
    mount -o remount,lazytime /files/xfs
    doctor lazytime /files/xfs
    # A device with a queue that is soon full.
    echo 4 >/sys/block/vdb/queue/nr_requests
    doctor full /files/ext4
fi
echo "@end"
sync
poweroff -f
