# One fault of each system call that the library makes, and each limit of a process once: half a minute.
set -eu
"$CHECK_ROOT/Tests/faults" --short || { echo "see Tests/faults --short" >&2; exit 1; }
