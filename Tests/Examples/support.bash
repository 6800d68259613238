# shellcheck shell=bash
# What the tests of the examples have in common. Each runs in an empty directory, with BUILD, where the example was built,
# LIBRARY, the libkaio.so to use, and EXAMPLE, the example's folder.
set -eu

fail() {
    echo "test.c:0: $*" >&2
    exit 1
}

expect() {
    local wanted=$1 code=0
    shift
    "$@" 2>message || code=$?
    ((code == wanted)) || fail "'$*' exits with $code, not $wanted: $(tail -n1 message)"
}

says() { grep -qF -- "$1" message || fail "it says '$(<message)', not '$1'"; }

# No file but those named: nothing half-made stays behind.
only() {
    local wanted
    wanted=$(printf '%s\n' message "$@" | sort)
    [[ $(ls) == "$wanted" ]] || fail "there are" * "and not $wanted"
}

random_file() { head -c "$2" /dev/urandom >"$1"; }

# Runs a command with a stack of modules and parameters.
with() {
    local stack=$1 parameters=$2
    shift 2
    env LD_PRELOAD="$LIBRARY" KAIO_VFS_OBJECTS="$stack" KAIO_VFS_PARAMETERS="$parameters" "$@"
}
