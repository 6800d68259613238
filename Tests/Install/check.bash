# shellcheck shell=bash source-path=SCRIPTDIR/../..
# What the cases share. Each begins with `. "$CHECK_ROOT/Tests/Install/check.bash"`, in an empty directory.
. "$CHECK_ROOT/Tests/parts/support.bash"
set -o pipefail

# Installs what is built below ./prefix or another place; further words are settings of Tools/install.
install_to() {
    local prefix=$1
    shift
    # The build is not this test's duty: make sees to it.
    env PREFIX="$prefix" "$@" "$CHECK_ROOT/Tools/install" >/dev/null
}

# A program that shows who does its requests. It writes a file, reads it back, and fails unless the bytes are there.
write_program() {
    cat >program.c <<'EOF'
#include <errno.h>
#include <fcntl.h>
#include <kaio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static ssize_t run(int (*submit)(struct aiocb *), struct aiocb *request) {
    const struct aiocb *const list[] = {request};
    if (submit(request) != 0) return -1;
    while (aio_error(request) == EINPROGRESS) aio_suspend(list, 1, NULL);
    return aio_return(request);
}

int main(void) {
    char text[] = "through kaio", back[sizeof text] = "";
    struct aiocb request = {.aio_buf = text, .aio_nbytes = sizeof text};
    request.aio_fildes = open("data", O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (request.aio_fildes < 0 || run(aio_write, &request) != sizeof text) return 1;
    request.aio_buf = back;
    if (run(aio_read, &request) != sizeof text || strcmp(text, back) != 0) return 2;
    if (close(request.aio_fildes) != 0) return 3;
    printf("runs with kaio %s\n", kaio_version());
    return 0;
}
EOF
}

# Runs a program; it must print kaio's version, and kaio must have done its two requests.
expect_runs() {
    local output
    output=$(KAIO_SHOW_STATS=1 "$@" 2>&1) || fail "$* fails with $?: $output"
    [[ $output == *"runs with kaio $version"* ]] || fail "$* says: $output"
    [[ $output == *"1 read, 1 write"* ]] || fail "$*: kaio did not do its requests: $output"
}

version=$(sed -n 's/^#define KAIO_VERSION "\(.*\)"/\1/p' "$CHECK_ROOT/include/kaio.h")
: "$version"

# Each file and directory below a place, with its rights, and a link's text or a file's sum.
tree() {
    (cd "$1" && find . -printf '%p %M %l\n' -type f -exec sha256sum {} \; | sort)
}
