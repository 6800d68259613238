# shellcheck shell=bash disable=SC2154,SC2034
# The C programs of Tests/Conformance: each states one sentence in its head and exits 0 if that holds.

# The groups that also run linked statically. What differs there: cancellation unwinds through the C library's archive,
# close and dup2 must be ours although that archive has its own, which its other parts use, and fork must find our
# handlers. The rest of the library is the same objects as in the other modes.
static_groups=(aio_suspend descriptors process)

# The keys in the head of each program, by its name (group/sentence).
declare -A holds_of=() source_of=() environment_of=() limit_of=() modes_of=() compare_of=()
programs=()

read_programs() {
    local file holds source environment limit modes compare name
    while IFS=$sep read -r file holds source environment limit modes compare; do
        name=${file#Tests/Conformance/} name=${name%.c}
        programs+=("$name")
        holds_of[$name]=$holds source_of[$name]=$source environment_of[$name]=$environment
        limit_of[$name]=${limit:-20} modes_of[$name]=${modes:-preloaded linked} compare_of[$name]=$compare
    done < <(
        # shellcheck disable=SC2016 # the dollars are those of awk
        cd "$root" && find Tests/Conformance -name '*.c' -printf '%p\0' | sort -z | xargs -0r awk -v OFS="$sep" '
            function print_last() {
                if (file != "") print file, key["holds"], key["source"], key["environment"], key["limit"], key["modes"], key["compare"]
                split("", key)
            }
            FNR == 1 { print_last(); file = FILENAME; head = 1 }
            !/^\/\// { head = 0 }
            head && match($0, /^\/\/ [a-z]+: */) {
                name = $2; sub(/:$/, "", name)
                key[name] = substr($0, RLENGTH + 1)
            }
            END { print_last() }'
    )
}

# Those that take longest come first, so that none of them runs alone at the end.
list_programs() {
    local name mode modes
    read_programs
    while read -r _ name; do
        modes=${modes_of[$name]}
        [[ " $* " == *" glibc "* && ! ${compare_of[$name]} ]] && modes+=" glibc"
        [[ $modes == *linked* && " ${static_groups[*]} " == *" ${name%%/*} "* ]] && modes+=" static"
        for mode in $modes; do cases+=("$name $mode"); done
    done < <(for name in "${programs[@]}"; do echo "${limit_of[$name]} $name"; done | sort -k1,1nr -k2)
}

binary() {
    local kind=plain
    [[ $2 != linked && $2 != static ]] || kind=$2
    echo "$root/.build/tests/$1.$kind"
}

# Compiles what the cases need and what is older than its source; a program that does not compile has no binary.
compile_programs() {
    local case targets=()
    for case in "${cases[@]}"; do
        case ${case% *} in
            unit | fuzz/* | fio/* | examples/* | soak/* | distributions/* | file-systems/* | command/* | install/* | manual/* | runner/* | faults/*) ;;
            stress-ng/*) targets+=(.build/tests/exit.so) ;;
            *) targets+=("$(binary "${case% *}" "${case##* }")") ;;
        esac
    done
    ((${#targets[@]})) || return 0
    status "compiling C programs"
    printf '%s\n' "${targets[@]#"$root/"}" | sort -u |
        xargs make -C "$root" -f Tests/programs.mk -s -k -j "$(nproc)" LIBRARY="$library" >/dev/null 2>&1
}

program_case() {
    local settings=() words=() binary result
    binary=$(binary "$name" "$mode")
    if [[ ! -x $binary ]]; then
        cat "$binary.log" "${binary%.*}.o.log" >"$dir/err"
        conclude "does not compile: $(grep -hm1 error "$dir/err")"
        return
    fi
    # xargs takes the quotes off, should a value have spaces.
    [[ ! ${environment_of[$name]} ]] || mapfile -t words < <(xargs -n1 printf '%s\n' <<<"${environment_of[$name]}")
    settings=(CHECK_DIRECTORY="$dir/files" CHECK_LIBRARY="$library" "${words[@]}")
    case $mode in
        preloaded) settings+=(LD_PRELOAD="$library") ;;
        linked) settings+=(LD_LIBRARY_PATH="${library%/*}") ;;
    esac
    bounded "${limit_of[$name]}" env -C "$dir/files" "${settings[@]}" "$binary"
    result=$(outcome)
    # For the table, where the case had its files is nothing of the program's.
    echo "$name $mode$sep${result//"$dir/files/"/}" >>"$work/outcomes"
    if [[ $result == holds ]]; then conclude; else conclude "$result"; fi
}
