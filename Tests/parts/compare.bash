# shellcheck shell=bash disable=SC2154
# Writes docs/conformance.md below its marker: one row for each C program, with its result on kaio and on
# the C library alone.

marker='<!-- below this line: written by make conformance -->'

# The mode in which a program meets kaio.
kaio_mode() { [[ ${modes_of[$1]} == *preloaded* ]] && echo preloaded || echo linked; }

# Where a requirement comes from, for those who don't have our notes.
origin() {
    sed -E "s/^FACTS glibc [0-9]+$/a fault of glibc's/; s/^FACTS (musl|glibc) (.*)$/a fault of \1's \2/
        s/^FACTS choice (.*)$/left open by the standard \1/" <<<"${source_of[$1]}"
}

# A cell of the table: neither the table's bar nor markup may come through.
cell() {
    local text=$1
    text=${text//\`/\'} text=${text//|/\\|}
    if [[ $text == 'fails: '* ]]; then
        # Where in the source the check stands changes too often, and so does what looks like an address.
        text=$(sed -E 's/^(fails: )[^ ]+\.[ch]:[0-9]+: /\1/; s/\b0x[0-9a-f]+\b/0x.../g' <<<"$text")
        text="fails: \`${text#fails: }\`"
    else
        text=${text//</\\<}
    fi
    printf '%s' "$text"
}

write_table() {
    local name group='' mode glibc kaio_holds=0 glibc_holds=0 glibc_rows=0
    for name in "${programs[@]}"; do
        mode=$(kaio_mode "$name")
        [[ ${outcome_of[$name $mode]-} != holds ]] || kaio_holds=$((kaio_holds + 1))
        [[ ${outcome_of[$name glibc]-} ]] && glibc_rows=$((glibc_rows + 1))
        [[ ${outcome_of[$name glibc]-} != holds ]] || glibc_holds=$((glibc_holds + 1))
    done
    echo
    echo "kaio: $kaio_holds of ${#programs[@]} hold. glibc $(getconf GNU_LIBC_VERSION | cut -d' ' -f2):" \
        "$glibc_holds of $glibc_rows hold. Linux $(uname -r | grep -oE '^[0-9]+\.[0-9]+')."
    for name in "${programs[@]}"; do
        if [[ ${name%%/*} != "$group" ]]; then
            group=${name%%/*}
            printf '\n## %s\n\n%s\n%s\n' "$group" '| requirement | source | test | kaio | glibc |' \
                '| --- | --- | --- | --- | --- |'
        fi
        glibc=${outcome_of[$name glibc]-${compare_of[$name]:+not run}}
        glibc=${glibc:-does not apply}
        printf '| %s | %s | [%s](../Tests/Conformance/%s.c) | %s | %s |\n' "$(cell "${holds_of[$name]}")" \
            "$(cell "$(origin "$name")")" "${name#*/}" "$name" \
            "$(cell "${outcome_of[$name $(kaio_mode "$name")]-did not run}")" "$(cell "$glibc")"
    done
}

# Runs every program on both. What is about kaio itself, and what only links with it, does not apply to the C library; what
# would crash or hang it is not run there: such a program's head says "compare: no". Only kaio's failures count; the others are the reason for the table.
compare() {
    local name case result page=$root/docs/conformance.md
    declare -A outcome_of=()
    cases=()
    while read -r _ name; do
        cases+=("$name $(kaio_mode "$name")")
    done < <(for name in "${programs[@]}"; do echo "${limit_of[$name]} $name"; done | sort -k1,1nr -k2)
    compile_programs
    run_cases "${cases[@]}"
    run_again

    local kaio_passed=$passed kaio_failed=$failed kaio_failures=("${failures[@]}")
    say "The same on glibc alone, where failures are expected:"
    for case in "${!cases[@]}"; do
        name=${cases[case]% *}
        cases[case]="$name glibc"
        [[ ${source_of[$name]} != kaio && ${modes_of[$name]} == *preloaded* && ! ${compare_of[$name]} ]] || unset "cases[case]"
    done
    compile_programs
    # Many of these hang until their time is up, which takes no processor.
    jobs=$((jobs + 8)) run_cases "${cases[@]}"
    passed=$kaio_passed failed=$kaio_failed failures=("${kaio_failures[@]}")

    while IFS=$sep read -r case result; do outcome_of[$case]=$result; done <"$work/outcomes"
    mkdir -p "$root/docs"
    {
        if grep -qxF -- "$marker" "$page" 2>/dev/null; then
            sed "/^$marker\$/q" "$page"
        else
            printf '# Conformance\n\n%s\n' "$marker"
        fi
        write_table
    } >"$work/page" && cp "$work/page" "$page"
    say "wrote docs/conformance.md"
}
