#!/bin/bash
# Each subcommand of the kaio command has a section in kaio(1), with each option that its help shows; what is of kaio itself
# stands in the description.
. "$CHECK_ROOT/Tests/parts/support.bash"

"$CHECK_ROOT/Tools/manual" man man
subcommands=$("$CHECK_COMMAND" --help | sed -n '/^SUBCOMMANDS:/,/^$/ s/^  \([a-z]*\) .*/\1/p')
[[ $subcommands ]] || fail "kaio --help shows no subcommand"
for subcommand in "" $subcommands; do
    # shellcheck disable=SC2086 # none for kaio itself
    "$CHECK_COMMAND" $subcommand --help | sed -n '/^OPTIONS:/,/^$/p' | grep -oE '(^  |, )--?[a-z-]+' | tr -d ' ,' >options
    grep -q -- --help options || fail "kaio $subcommand --help shows no options"
    section=DESCRIPTION
    [[ ! $subcommand ]] || section="KAIO ${subcommand^^}"
    sed -n "/^\\.SH $section\$/,/^\\.SH [^$section]/p" man/kaio.1 | sed 's/\\-/-/g' | grep -A1 '^\.TP' >tags ||
        fail "kaio(1) has no section $section, or no options in it"
    while read -r option; do
        # Every subcommand has these, and one place says so.
        [[ $subcommand && $option == @(-h|--help) ]] || grep -qE -- "\\\\fB$option( [A-Z]+)?\\\\fR" tags ||
            fail "kaio(1), $section: no $option"
    done <options
done
