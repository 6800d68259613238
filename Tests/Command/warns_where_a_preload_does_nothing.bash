#!/bin/bash
# holds: Static programs, those of another machine and those with privileges are named, and run.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

printf 'int main(void) { return 3; }\n' >three.c
cc -static -o static three.c 2>err || fail "cc -static"
expect 3 kaio_run ./static
has err 'warning: \./static is a static program, .* if it is linked with libkaio.a'
cc -static-pie -o static-pie three.c 2>err || fail "cc -static-pie"
expect 3 kaio_run ./static-pie
has err 'warning: \./static-pie is a static program'

# The machine is the word at 18.
cc -o foreign three.c
printf '\x28\x00' | dd of=foreign bs=1 seek=18 conv=notrunc 2>/dev/null
expect 126 kaio_run ./foreign
has err 'warning: \./foreign is for ARM, and the library for '

if command -v musl-gcc >/dev/null; then
    musl-gcc -o other three.c
    # musl's loader does not go on without what it can't preload.
    kaio_run ./other >out 2>err
    has err 'warning: \./other uses musl'
fi

# Only another user can give privileges away.
if (($(id -u) == 0)); then
    cc -o privileged three.c
    chown 65534:65534 privileged
    chmod u+s privileged
    expect 3 kaio_run ./privileged
    has err 'warning: \./privileged is set-user-ID'
    chmod u-s,g+s privileged
    expect 3 kaio_run ./privileged
    has err 'warning: \./privileged is set-group-ID'
    chmod g-s privileged
    expect 3 kaio_run ./privileged
    lacks err 'set-'
    # Those of root are no more than it has already.
    if command -v setcap >/dev/null; then
        setcap cap_net_raw=ep privileged || fail "setcap"
        expect 3 kaio_run ./privileged
        lacks err 'capabilities'
        # Where another user gets to.
        place=$(mktemp -d /tmp/kaio.XXXXXX) || fail "mktemp"
        trap 'rm -rf "$place"' EXIT
        chmod 777 "$place"
        cp "$CHECK_COMMAND" "$place/kaio"
        cp "$CHECK_LIBRARY" "$place/libkaio.so.1"
        cp --preserve=all privileged "$place"
        TMPDIR=$place expect 3 setpriv --reuid 65534 --regid 65534 --clear-groups \
            "$place/kaio" run "$place/privileged"
        has err 'warning: .*/privileged has file capabilities'
    fi
fi
# The interpreter of a script is what counts.
printf '#! %s/static word\n' "$PWD" >script
chmod +x script
expect 3 kaio_run ./script
has err 'warning: \./script is a script: .*/static is a static program'
