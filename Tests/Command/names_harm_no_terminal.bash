#!/bin/bash
# holds: Whatever a program, a file or a directory is called, and whatever a configuration has in it, no command and no message of the library's gives a terminal orders; what is no terminal gets each byte of a configuration.

# shellcheck source=Tests/Command/check.bash
. "$CHECK_ROOT/Tests/Command/check.bash"

build_tools
orders=$'\e]0;title\a\e[2J\xc2\x9b2J'
export NO_COLOR=1 TERM=xterm
name="strange$orders"
printf '#!/bin/sh\nexit 3\n' >"$name"
chmod +x "$name"
mkdir "directory$orders"
printf '[a]\npath = /data/*\nvfs objects = full_audit ordered\nfull_audit:to = /x%s\n' "$orders" >good.conf
# So that the two bytes of a character come in two pieces.
printf '[b]\npath = /b/*\nvfs objects = full_audit ordered\nfull_audit:to = /' >>good.conf
for ((i = 0; i < 1100; i++)); do printf '\xc2\x9b' >>good.conf; done
cp good.conf "$name.conf"
echo "nonsense$orders" >"bad$orders"

# harmless COMMAND ...: on a terminal, whatever comes of it.
harmless() {
    printf '%q ' "$@" >words
    script -qec "$(cat words)" /dev/null >out </dev/null
    lacks out $'[\e\a\x7f]'
    LC_ALL=C lacks out $'\xc2[\x80-\x9f]'
}

harmless "$CHECK_COMMAND" run --library "$CHECK_LIBRARY" "./$name"
has out 'ended with code 3'
harmless "$CHECK_COMMAND" run --library "$CHECK_LIBRARY" "./none$orders"
harmless "$CHECK_COMMAND" run --library "$CHECK_LIBRARY" --config "bad$orders" true
harmless "$CHECK_COMMAND" run --library "$CHECK_LIBRARY" --audit "none$orders/x" true
harmless "$CHECK_COMMAND" run --library "none$orders" true
harmless "$CHECK_COMMAND" doctor --library "$CHECK_LIBRARY" "directory$orders"
harmless "$CHECK_COMMAND" doctor "none$orders"
harmless "$CHECK_COMMAND" bench --quick "none$orders"
harmless "$CHECK_COMMAND" testparm --library "$CHECK_LIBRARY" "bad$orders"
has out 'nonsense'
harmless "$CHECK_COMMAND" testparm --library "$CHECK_LIBRARY" "none$orders"
harmless "$CHECK_COMMAND" testparm --library "$CHECK_LIBRARY" "$name.conf"
has out 'full_audit:to = /x'
harmless env KAIO_CONFIG="none$orders" LD_PRELOAD="$CHECK_LIBRARY" ./tools requests "$name" 1 1
has out 'not used, for the error above'

# A script gets what the configuration says.
expect 0 "$CHECK_COMMAND" testparm --library "$CHECK_LIBRARY" good.conf
grep -qF "full_audit:to = /x$orders" out || fail "not each byte is there"
