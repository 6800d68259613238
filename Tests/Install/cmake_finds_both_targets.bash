#!/bin/bash
# find_package(kaio) gives kaio::kaio and kaio::kaio_static, also when the prefix has moved, and knows its version.
. "$CHECK_ROOT/Tests/Install/check.bash"

install_to "$PWD/first"
mv first moved
write_program
cat >CMakeLists.txt <<EOF
cmake_minimum_required(VERSION 3.13)
project(check C)
find_package(kaio $version REQUIRED)
foreach(kind kaio kaio_static)
  add_executable(with_\${kind} program.c)
  target_link_libraries(with_\${kind} kaio::\${kind})
endforeach()
find_package(kaio)  # a second look does no harm
EOF
cmake -S . -B build -DCMAKE_PREFIX_PATH="$PWD/moved" >log || fail "cmake: $(tail -n 1 log)"
cmake --build build >log || fail "$(grep -m1 -i error log)"
expect_runs build/with_kaio
expect_runs build/with_kaio_static
readelf -d build/with_kaio | grep -q 'NEEDED.*libkaio\.so\.1' || fail "kaio::kaio is not the shared library"
! readelf -d build/with_kaio_static | grep -q libkaio || fail "kaio::kaio_static is not the archive"

sed -i "s/kaio $version REQUIRED/kaio 99 REQUIRED/" CMakeLists.txt
if cmake -S . -B other -DCMAKE_PREFIX_PATH="$PWD/moved" >log 2>&1; then fail "version 99 is found"; fi
grep -q "$version" log || fail "of version 99 cmake says: $(tail -n 1 log)"
