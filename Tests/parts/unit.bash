# shellcheck shell=bash disable=SC2154
# The unit tests (Swift Testing, debug build), also under the thread sanitizer; those of AsyncFiles, which use the library as a program
# does and so have a process of their own, under the address sanitizer too. Each mode is one case here, but every test of Swift's
# counts.

list_unit() { cases+=("unit debug" "unit thread-sanitizer" "unit address-sanitizer"); }

unit_case() {
    # Under a sanitizer, beside other cases, a thread may be so late that a time net is faster than what would have woken it.
    local -x KAIO_ABORT_HEALED=$KAIO_ABORT_HEALED
    [[ $mode != *-sanitizer ]] || KAIO_ABORT_HEALED=0
    local options=()
    case $mode in
        thread-sanitizer) options=(--sanitize=thread --scratch-path .build-tsan) ;;
        address-sanitizer) options=(--sanitize=address --scratch-path .build-asan) ;;
    esac
    bounded 2400 env -C "$root" Tests/parts/unit-tests "$dir" "${options[@]}"

    # Tests that ended, from the report: one element each, with a failure or skipped element inside.
    local command="swift test ${options[*]}${options:+ }--filter"
    cat "$dir"/report*.xml | awk -v OFS="$sep" -v mode="$mode" -v command="$command" '
        function attribute(name) {
            if (!match($0, " " name "=\"[^\"]*\"")) return ""
            return substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 4)
        }
        function plain(text) {
            gsub(/&#8594;/, "->", text); gsub(/&quot;/, "\"", text); gsub(/&apos;/, "\047", text)
            gsub(/&lt;/, "<", text); gsub(/&gt;/, ">", text); gsub(/&amp;/, "\\&", text)
            return text
        }
        function conclude() {
            if (test == "" || skipped) return
            if (reason == "") passed++
            else {
                pattern = test; sub(/\(.*/, "", pattern)
                print "failed", test " " mode, command " \047" pattern "\047", plain(reason)
            }
        }
        /<testcase / { conclude(); test = attribute("classname") "/" attribute("name"); reason = ""; skipped = 0 }
        /<failure/ && reason == "" { reason = attribute("message") }
        /<skipped/ { skipped = 1 }
        END { conclude(); print "passed " passed + 0 }' >"$dir/result"

    # The tests that failed are named; what else can go wrong is the build, a crash, a hang or a data race.
    local reason='' log=$dir/log
    cat "$dir/err" "$dir/out" >"$log"
    if [[ $late ]]; then
        reason=hangs
        tail -n 20 "$log" >"$dir/details"
    elif grep -A40 -m1 '^WARNING: ThreadSanitizer' "$log" >"$dir/details"; then
        reason=$(head -n1 "$dir/details")
    elif grep -E '^[^ ]+: error: ' "$log" | sort -u >"$dir/details" && [[ -s $dir/details ]]; then
        reason='does not build'
    elif ((exit_code != 0)) && ! grep -q '^failed' "$dir/result"; then
        reason="ends early with code $exit_code"
        { grep -A25 -m1 -E 'Fatal error|Program crashed' "$log" || tail -n 30 "$log"; } >"$dir/details"
    else
        grep '^✘ .* recorded an issue' "$log" >"$dir/details"
    fi
    [[ ! $reason ]] || echo "failed${sep}unit $mode${sep}Tests/run unit $mode$sep$reason" >>"$dir/result"
}
