#!/bin/bash
# A Swift package elsewhere names this one by its address and builds with plain `swift build`: in debug with a dynamic library of its
# own, in release with the Swift libraries linked in. Its program is the ten lines of the README.
# May take 1200 s on a busy machine: it builds all twice.
. "$CHECK_ROOT/Tests/Install/check.bash"

# The address: a repository with what this tree has.
mkdir kaio client files
git -C "$CHECK_ROOT" ls-files -co --exclude-standard -z -- Package.swift Sources include |
    tar -C "$CHECK_ROOT" -c --null -T - | tar -x -C kaio
git -C kaio init -q
git -C kaio add .
git -C kaio -c user.name=kaio -c user.email=kaio@localhost -c commit.gpgsign=false commit -q -m kaio
git -C kaio tag "$version"

mkdir -p client/Sources/{first,Second,third}
cat >client/Package.swift <<END
// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "client",
    products: [.library(name: "Second", type: .dynamic, targets: ["Second"])],
    dependencies: [.package(url: "file://$PWD/kaio", from: "$version")],
    targets: [
        .executableTarget(name: "first", dependencies: [.product(name: "AsyncFiles", package: "kaio")]),
        .target(name: "Second", dependencies: [.product(name: "AsyncFiles", package: "kaio")]),
        .executableTarget(name: "third", dependencies: ["Second"]),
    ]
)
END
# shellcheck disable=SC2016
sed -n '/^## In Swift/,/^## /{/^```swift/,/^```$/{/^```/!p}}' "$CHECK_ROOT/README.md" >client/Sources/first/main.swift
(($(wc -l <client/Sources/first/main.swift) >= 5)) || fail "the README has no program in Swift"
cat >client/Sources/Second/Second.swift <<'END'
import AsyncFiles

public func firstLine(of path: String) async throws -> String? {
    try await withFile(at: .init(path)) { file in
        for try await line in file.lines { return line }
        return nil
    }
}
END
cat >client/Sources/third/main.swift <<'END'
import Second

print(try await firstLine(of: CommandLine.arguments[1]) ?? "nothing")
END

build() {
    env -u PKG_CONFIG_PATH -u LD_LIBRARY_PATH "${SWIFT:-swift}" build --package-path client "$@" >log 2>&1 ||
        fail "swift build $*: $(grep -m1 error: log || tail -n 1 log)"
    ! grep -m1 'client/Sources.*warning:' log >warning || fail "$(cat warning)"
}

expect_first() {
    local program=$PWD/$1/first
    (cd files && "$program") >output 2>&1 || fail "$1/first fails: $(tail -n 1 output)"
    [[ $(<output) == $'12 bytes\nhello, kaio' ]] || fail "$1/first says: $(<output)"
}

build
# Neither what a trait needs that nobody asked for, nor what the command needs, nor what makes this package's pages, is fetched.
[[ $(cd client/.build/checkouts && echo *) == "kaio swift-system" ]] ||
    fail "fetched are" client/.build/checkouts/*
expect_first client/.build/debug
client/.build/debug/third files/greeting >output 2>&1 || fail "third fails: $(tail -n 1 output)"
[[ $(<output) == "hello, kaio" ]] || fail "third says: $(<output)"

build -c release --product first --static-swift-stdlib
expect_first client/.build/release
! ldd client/.build/release/first | grep -q libswift || fail "the Swift libraries are not linked in"
