# shellcheck shell=bash
# Sourced by the findings: makes a temporary folder, installs the named packages of PyPI there, and runs the Python program
# on standard input with them, for a minute at most. The folder goes at the end.
#
#   . "${0%/*}/python.bash"
#   python_with libaio==0.9.5 <<'END' ... END

python_with() {
    local folder status=0
    folder=$(mktemp -d)
    # shellcheck disable=SC2064 # the folder of now
    trap "rm -rf '$folder'" EXIT
    python3 -m venv "$folder/python" && "$folder/python/bin/pip" -q --disable-pip-version-check install "$@" || exit 2
    cat >"$folder/program.py"
    (cd "$folder" && timeout 60 python/bin/python program.py) || status=$?
    if [ "$status" -eq 0 ]; then
        echo "${0##*/}: as described"
    else
        echo "${0##*/}: not as described any more, or not here ($(uname -r))" >&2
    fi
    exit "$status"
}
