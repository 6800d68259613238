#!/bin/bash
# libkaio.a has the same visible names as libkaio.so, but freopen (the C library's is not weak), so nothing of the Swift runtime in it meets another's.
. "$CHECK_ROOT/Tests/Install/check.bash"

archive=${CHECK_LIBRARY%.so}.a
nm -g --defined-only "$archive" | awk 'NF == 3 { print $3 }' | sort >in_archive
nm -D --defined-only "$CHECK_LIBRARY" | awk '$2 == "T" && $3 !~ /^freopen/ { print $3 }' | sort >in_object
[[ -s in_object ]] || fail "$CHECK_LIBRARY shows no names"
difference=$(diff in_object in_archive) || fail "they differ: $(sed -n 2p <<<"$difference")"
# A group of sections is kept once in a program, by its name: ours could be dropped for another's. The compiler makes none;
# if one comes, the archive needs ld --force-group-allocation.
! readelf -gW "$archive" | grep -q 'COMDAT' || fail "there are section groups in it"

# A Swift program has its own swift_retain and the like; and its requests are kaio's.
write_program
mkdir -p module
sed 's/int main/int check/' program.c >module/check.c
echo 'int check(void);' >module/check.h
printf 'module Check { header "check.h" }\n' >module/module.modulemap
cat >main.swift <<'EOF'
import Check
final class Counted { var values: [String: Int] = [:] }
let counted = Counted()
for index in 0..<100 { counted.values["key \(index % 7)"] = index }
guard counted.values.count == 7, check() == 0 else { fatalError("\(counted.values)") }
EOF
cc -c -I"$CHECK_ROOT/include" module/check.c -o check.o
"${SWIFT:-swift}c" -I module main.swift check.o "$archive" -o in_swift 2>log || fail "swiftc: $(grep -m1 error log)"
expect_runs ./in_swift
