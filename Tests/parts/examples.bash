# shellcheck shell=bash disable=SC2154
# The programs of Examples/, each built with its own Makefile. The servers are asked by several clients (clients.c), which
# check the bytes and that the server has one thread; the others have a script in Tests/Examples.

list_examples() {
    local name
    for name in copy copy-epoll python server-epoll server-libevent sigev-thread; do cases+=("examples/$name linked"); done
}

# Compiles a program that a test needs: its source, below Tests/.
compile_for_example() {
    cc -std=gnu11 -O2 -Wall -Wextra -Werror -pthread -o "$dir/$(basename "$1" .c)" "$root/Tests/$1" >"$dir/err" 2>&1
}

example_case() {
    local result folder=$root/Examples/${name#examples/} command tool
    case $name in
        examples/server-*) tool=parts/clients.c command=("$dir/clients" "$dir/server") ;;
        examples/copy-epoll) tool=Examples/open-signals.c command=(bash "$root/Tests/Examples/copy.bash") ;;
        *) tool=Examples/open-signals.c command=(bash "$root/Tests/Examples/${name#examples/}.bash") ;;
    esac
    if ! make -s -C "$folder" BUILD="$dir" KAIO_LIB="${library%/*}" >"$dir/err" 2>&1 || ! compile_for_example "$tool"; then
        conclude "does not compile: $(grep -m1 error "$dir/err")"
        return
    fi
    bounded 120 env -C "$dir/files" BUILD="$dir" LIBRARY="$library" EXAMPLE="$folder" "${command[@]}"
    result=$(outcome)
    if [[ $result == holds ]]; then conclude; else conclude "$result"; fi
}
