# shellcheck shell=bash
# What the scripts of Tests/Examples, Tests/Install and Tests/Manual have in common. Each runs in an empty directory, with
# CHECK_ROOT, this tree, CHECK_LIBRARY, the libkaio.so to use, and CHECK_COMMAND, the kaio command. It holds if it ends with
# 0; else the last line of its stderr says why not.
set -eu

fail() {
    echo "$*" >&2
    exit 1
}

# expect CODE COMMAND ...: the command must end with that code; its stderr is in the file message.
expect() {
    local wanted=$1 code=0
    shift
    "$@" 2>message || code=$?
    ((code == wanted)) || fail "'$*' exits with $code, not $wanted: $(tail -n1 message)"
}

# What the command said.
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
    env LD_PRELOAD="$CHECK_LIBRARY" KAIO_VFS_OBJECTS="$stack" KAIO_VFS_PARAMETERS="$parameters" "$@"
}
