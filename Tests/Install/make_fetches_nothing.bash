#!/bin/bash
# Plain make builds the library with the compiler alone: no package manager, which would fetch what only the command needs.
. "$CHECK_ROOT/Tests/Install/check.bash"

swift=/no-such-place/swift
make -C "$CHECK_ROOT" -n -B library SWIFT="$swift" >commands 2>&1 || fail "make -n: $(tail -n1 commands)"
grep -q "^${swift}c .*-c " commands || fail "make compiles nothing: $(head -n3 commands)"
! grep -nE "^[^#]*$swift (build|package|run|test)|\bgit (clone|fetch)|\b(curl|wget)\b" commands >fetching ||
    fail "make calls the package manager: $(head -n1 fetching)"
make -C "$CHECK_ROOT" -n -B command SWIFT="$swift" >commands 2>&1 || fail "make -n command: $(tail -n1 commands)"
grep -q "KAIO_COMMAND=1 $swift build" commands || fail "make command does not ask for the command"
! env -u KAIO_COMMAND sed -n '/^if Context/,$!p' "$CHECK_ROOT/Package.swift" | grep -q argument-parser ||
    fail "the package asks for swift-argument-parser without KAIO_COMMAND"
