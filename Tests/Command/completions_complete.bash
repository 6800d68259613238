#!/bin/bash
# holds: The completions of three shells are made; bash's is right, and completes options and programs.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

for shell in bash zsh fish; do
    expect 0 "$CHECK_COMMAND" --generate-completion-script "$shell"
    [[ -s out ]] || fail "no completions for $shell"
    mv out "completion.$shell"
done
bash -n completion.bash || fail "bash can't read its completions"
for shell in zsh fish; do
    ! command -v "$shell" >/dev/null || "$shell" -n "completion.$shell" || fail "$shell can't read its completions"
done

mkdir bin
ln -s "$CHECK_COMMAND" bin/kaio
printf '#!/bin/sh\n' >bin/only-here-program
chmod +x bin/only-here-program
touch bin/only-here-data
PATH=$PWD/bin:$PATH
# complete_it WORD ...: what bash would show for the last word.
complete_it() {
    (
        # shellcheck source=/dev/null
        . ./completion.bash
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=$((${#COMP_LINE})) COMP_TYPE=9
        COMPREPLY=()
        _kaio kaio "${*: -1}" "${*: -2:1}"
        printf '%s\n' "${COMPREPLY[@]}"
    ) 2>err
}
complete_it kaio doc >out
has out '^doctor *$'
complete_it kaio run --st >out
has out '^--stats *$'
complete_it kaio run only-h >out
has out '^only-here-program *$'
lacks out data
complete_it kaio run -- ./bin/only-h >out
has out '^\./bin/only-here-program *$'
