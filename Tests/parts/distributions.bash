# shellcheck shell=bash disable=SC2154
# Debian's releases, each in a tree of its own (debootstrap), with the object and the packages that are built here: they are
# installed, load, hold some of the C programs and fio's verification, and are purged. Only if they are asked for, as root:
#
#   Tests/run distributions

distributions=(bullseye bookworm trixie sid)

list_distributions() {
    local suite
    [[ " $* " == *" distributions"* ]] || return 0
    for suite in "${distributions[@]}"; do cases+=("distributions/$suite distributions"); done
}

# The tree of a release, made once, from the mirror that this system's apt has.
distribution_tree() {
    local suite=$1 tree=$root/.build/distributions/$1 mirror
    [[ ! -e $tree/made ]] || return 0
    # shellcheck disable=SC2016 # the dollars are apt's
    mirror=${KERNELS_MIRROR:-$(apt-get indextargets --format '$(REPO_URI) $(LABEL)' 'Created-By: Packages' |
        awk '$2 == "Debian" && NF == 2 { print $1; exit }')}
    rm -rf "$tree"
    mkdir -p "$tree"
    debootstrap --variant=minbase --include=fio,libgcc-s1 "$suite" "$tree" "$mirror" >"$tree.log" 2>&1 || return 1
    touch "$tree/made"
}

# Inside the tree.
distribution_steps() {
    cat <<'EOF'
set -eu
export LC_ALL=C DEBIAN_FRONTEND=noninteractive
say() { echo "$*"; }
trap 'echo "failed: $step" >&2' EXIT
step="load the object"
[ -z "$(LD_PRELOAD=/kaio/libkaio.so /bin/true 2>&1)" ]
step="install the packages"
apt-get -q -y install /kaio/*.deb
step="find the library by name"
[ -z "$(LD_PRELOAD=libkaio.so.1 /bin/true 2>&1)" ]
for program in /kaio/programs/*; do
    step="run ${program##*/}"
    KAIO_RING_AFTER=0 CHECK_DIRECTORY=/kaio/files CHECK_LIBRARY=/kaio/libkaio.so LD_PRELOAD=/kaio/libkaio.so "$program"
done
for depth in 1 32; do
    for direct in 0 1; do
        step="fio, depth $depth, direct $direct"
        kaio run -- fio --name=verify --ioengine=posixaio --thread --directory=/kaio/files --rw=randrw --bs=4k --size=8m \
            --direct=$direct --iodepth=$depth --verify=crc32c --verify_fatal=1 --minimal --output=/kaio/fio 2>/kaio/summary
        grep -q 'asynchronous requests' /kaio/summary
    done
done
step="purge the packages"
apt-get -q -y purge kaio libkaio-dev libkaio1
[ -z "$(find / -xdev -name '*libkaio*' -not -path '/kaio/*' -not -path '/var/*')" ]
trap - EXIT
EOF
}

# Programs that need nothing but what every release has.
distribution_programs=(data/every_size_and_offset_direct data/partly_cached_reads_are_whole data/lists_of_both_modes
    aio_suspend/is_a_cancellation_point aio_suspend/cancellation_runs_the_handlers signals/each_signal_once_after_the_status
    process/a_child_has_everything data/list_of_many_files)

distribution_case() {
    local suite=${name#*/} tree=$root/.build/distributions/${name#*/} program packages stubs=()
    packages=("$root"/.build/deb/*_"$(dpkg --print-architecture)".deb)
    if [[ ! -e ${packages[0]-} ]]; then
        conclude "there are no packages in .build/deb; 'make deb' makes them"
        return
    fi
    bounded 1200 bash -c "$(declare -f distribution_tree); root=$(printf %q "$root"); distribution_tree $suite"
    if ((exit_code)); then
        cp "$tree.log" "$dir/err" 2>/dev/null
        conclude "debootstrap of $suite fails: $(grep -m1 '^E:' "$dir/err")"
        return
    fi
    rm -rf "$tree/kaio"
    mkdir -p "$tree/kaio/programs" "$tree/kaio/files"
    cp -L "$library" "$tree/kaio/libkaio.so"
    cp "${packages[@]}" "$tree/kaio/"
    mapfile -t stubs <"$root/.build/older-libc/flags"
    for program in "${distribution_programs[@]}"; do
        # Like the objects, for the oldest of them.
        cc -std=gnu11 -O2 -pthread -I"$root/include" "$root/Tests/Conformance/$program.c" -o "$tree/kaio/programs/${program//\//.}" \
            -Wl,--wrap=__libc_start_main "$root/.build/older-libc/start.o" \
            "${stubs[@]/#/-Wl,}" >"$dir/err" 2>&1 || {
            conclude "$program does not compile"
            return
        }
    done
    distribution_steps >"$tree/kaio/steps"
    # shellcheck disable=SC2016 # the inner shell's
    bounded 1200 unshare --mount --propagation private sh -c \
        'mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && exec chroot "$1" sh /kaio/steps' sh "$tree"
    if ((exit_code)); then conclude "$(grep -m1 '^failed: ' "$dir/err" || outcome)"; else conclude; fi
}
