# shellcheck shell=bash disable=SC2154
# The programs of Examples/, each built with its own Makefile, but for those in Swift. The servers are asked by several clients (clients.c), which
# check the bytes and that the server has one thread; the others have a script in Tests/Examples.

list_examples() {
    local name
    for name in blocks copy copy-epoll python server-epoll server-libevent sigev-thread sqlite swift; do cases+=("examples/$name linked"); done
}

# Builds the example, and what its test needs besides.
build_example() {
    local compile=(cc -std=gnu11 -O2 -Wall -Wextra -Werror -pthread -I"$root/include")
    make -s -C "$folder" BUILD="$dir" KAIO_LIB="${library%/*}" &&
        "${compile[@]}" -o "$dir/clients" "$root/Tests/parts/clients.c" &&
        "${compile[@]}" -o "$dir/open-signals" "$root/Tests/Examples/open-signals.c" &&
        "${compile[@]}" -shared -fPIC -o "$dir/short.so" "$root/Tests/Examples/short.c"
}

example_case() {
    local folder=$root/Examples/${name#examples/}
    # The package manager builds it.
    if [[ $name == examples/swift ]]; then
        script_case Examples/swift.bash
        return
    fi
    if ! build_example >"$dir/err" 2>&1; then
        conclude "does not compile: $(grep -m1 error "$dir/err")"
        return
    fi
    case $name in
        examples/server-*)
            bounded 60 env -C "$dir/files" "$dir/clients" "$dir/server"
            if [[ $(outcome) == holds ]]; then conclude; else conclude "$(outcome)"; fi
            ;;
        examples/copy-epoll) script_case Examples/copy.bash BUILD="$dir" EXAMPLE="$folder" ;;
        *) script_case "Examples/${name#examples/}.bash" BUILD="$dir" EXAMPLE="$folder" ;;
    esac
}
