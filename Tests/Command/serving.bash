# shellcheck shell=bash
# For the cases of kaio top: a program under kaio run that does what it is told. Not a case itself.

# serve FILE ...: starts it. Sets process, page, and runner, which is kaio run's.
serve() {
    build_tools
    mkfifo orders
    : >answers
    kaio_run --quiet ./tools serve "$@" <orders >answers 2>complaints &
    runner=$!
    exec 3>orders
    until_true grep -q ready answers
    read -r _ process <answers
    page=$(echo "$TMPDIR"/kaio.*/"kaio-live.$process")
    done=0
}

# order OPERATION NUMBER COUNT: has the program do it, and waits until it has.
order() {
    echo "$*" >&3
    done=$((done + 1))
    until_true is_done
}
is_done() { (($(grep -c "^done" answers) >= done)); }

# Ends the program, and kaio run with it.
dismiss() {
    exec 3>&-
    wait "$runner"
    nothing_is_left
}

is_watched() { ./tools watched "$page"; }
is_not_watched() { ! is_watched; }
