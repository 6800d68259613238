# shellcheck shell=bash disable=SC2154
# The results as XML in the form of JUnit, for CI services: each case with its mode, how long it took, and why it failed. A
# case that held when it ran again alone has passed. $junit is the file; without one nothing is kept.

declare -A seconds_of=() said_of=()

# Before a job's directory goes.
keep_for_junit() {
    local case=$1 dir=$2 took=0
    [[ $junit ]] || return 0
    [[ ! -s $dir/took ]] || read -r took _ <"$dir/took"
    seconds_of[$case]=$took
    said_of[$case]=$(grep '^failed' "$dir/result" | cut -d"$sep" -f4 && cat "$dir/details")
}

# Text that may stand in XML, whatever a program has written.
for_xml() {
    iconv -c -f UTF-8 -t UTF-8 | tr -d '\000-\010\013\014\016-\037' |
        sed 's/\xef\xbf[\xbe\xbf]//g; s/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g; s/"/\&quot;/g'
}

write_junit() {
    local case failure
    local -A failing=()
    [[ $junit ]] || return 0
    for failure in "${failures[@]}"; do failing[${failure%%"$sep"*}]=yes; done
    {
        echo '<?xml version="1.0" encoding="UTF-8"?>'
        echo "<testsuite name=\"kaio\" tests=\"${#cases[@]}\" failures=\"${#failing[@]}\">"
        for case in "${cases[@]}"; do
            printf '<testcase classname="%s" name="%s" time="%s"' "${case##* }" "${case% *}" "${seconds_of[$case]-0}"
            if [[ ${failing[$case]-} ]]; then
                printf '><failure message="%s">' "$(head -n1 <<<"${said_of[$case]}" | for_xml)"
                for_xml <<<"${said_of[$case]}"
                echo '</failure></testcase>'
            else
                echo '/>'
            fi
        done
        echo '</testsuite>'
    } >"$junit"
}
