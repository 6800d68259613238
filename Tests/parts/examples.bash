# shellcheck shell=bash disable=SC2154
# The example servers of Examples/, each built with its own Makefile and asked by several clients (clients.c), which
# check the bytes and that the server has one thread.

list_examples() {
    local name
    for name in server-epoll server-libevent; do cases+=("examples/$name linked"); done
}

example_case() {
    local result
    if ! make -s -C "$root/Examples/${name#examples/}" BUILD="$dir" KAIO_LIB="${library%/*}" >"$dir/err" 2>&1 ||
        ! cc -std=gnu11 -O2 -Wall -Wextra -Werror -pthread -o "$dir/clients" "$root/Tests/parts/clients.c" \
            >"$dir/err" 2>&1; then
        conclude "does not compile: $(grep -m1 error "$dir/err")"
        return
    fi
    bounded 60 env -C "$dir/files" "$dir/clients" "$dir/server"
    result=$(outcome)
    if [[ $result == holds ]]; then conclude; else conclude "$result"; fi
}
