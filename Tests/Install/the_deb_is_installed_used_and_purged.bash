#!/bin/bash
# The Debian packages: built twice they are the same bytes, lintian accepts them, dpkg installs them with their
# dependencies checked, a program is preloaded and one compiled from there, and purging leaves nothing.
. "$CHECK_ROOT/Tests/Install/check.bash"

"$CHECK_ROOT/Tools/deb" "$PWD/debs" >/dev/null
"$CHECK_ROOT/Tools/deb" "$PWD/again" >/dev/null
names=$(find debs -name '*.deb' -printf '%f\n' | sed 's/_.*//' | sort | tr '\n' ' ')
[[ $names == 'kaio libkaio-dev libkaio1 ' ]] || fail "the packages are $names"
for package in debs/*.deb; do
    cmp "$package" "again/${package#debs/}" || fail "two builds of ${package#debs/} differ"
done
lintian --allow-root --fail-on error,warning debs/*.changes >complaints 2>&1 ||
    fail "lintian: $(grep -m1 '^[EW]:' complaints || tail -n 1 complaints)"

# A root of its own, which knows the packages that ours depend on; nothing of this system is touched. fakeroot lets a
# person who is not root do the same.
export PATH=$PATH:/usr/sbin:/sbin
mkdir -p root/var/lib/dpkg/{info,updates,triggers}
packages=(libc6 libc6-dev libgcc-s1 libstdc++6)
# shellcheck disable=SC2016 # the dollars are those of dpkg-query
dpkg-query -W -f='Package: ${Package}\nStatus: install ok installed\nVersion: ${Version}\nArchitecture: ${Architecture}
Multi-Arch: ${Multi-Arch}\nMaintainer: nobody\nDescription: only its name\n\n' "${packages[@]}" >root/var/lib/dpkg/status
for package in "${packages[@]}"; do touch "root/var/lib/dpkg/info/$package:$(dpkg --print-architecture).list"; done
in_root() {
    fakeroot dpkg --root="$PWD/root" --force-not-root --log=/dev/null "$@" >log 2>&1
}
left() { find root -path root/var/lib/dpkg -prune -o -print | sort; find root/var/lib/dpkg/info | sort; }
# dpkg keeps two files of its own there once it has run.
in_root --install debs/libkaio1_*.deb || fail "dpkg: $(tail -n 1 log)"
in_root --purge libkaio1 || fail "dpkg: $(tail -n 1 log)"
before=$(left)

if in_root --install debs/kaio_*.deb; then fail "kaio is installed without libkaio1"; fi
grep -q 'kaio depends on libkaio1' log || fail "without libkaio1 dpkg says: $(tail -n 1 log)"
in_root --install debs/*.deb || fail "dpkg: $(tail -n 1 log)"
lib=$(echo "$PWD"/root/usr/lib/*-linux-gnu)
[[ -e root/usr/share/doc/libkaio1/copyright && ! -e root/usr/share/kaio ]] || fail "the files are not Debian's"
if in_root --remove libkaio1; then fail "libkaio1 can be removed from under the others"; fi

write_program
export PKG_CONFIG_PATH=$lib/pkgconfig
# shellcheck disable=SC2046 # words are wanted
cc program.c $(pkg-config --cflags --libs kaio) -o program
LD_LIBRARY_PATH=$lib expect_runs ./program
# shellcheck disable=SC2046
cc -static program.c $(pkg-config --static --cflags --libs kaio) -o program
expect_runs ./program
sed -i 's/kaio_version()/"'"$version"'"/' program.c
cc -Iroot/usr/include program.c -o program
LD_PRELOAD=$lib/libkaio.so.1 expect_runs ./program
[[ $(root/usr/bin/kaio --version) == *"$version"* ]] || fail "kaio --version says: $(root/usr/bin/kaio --version)"
expect_runs root/usr/bin/kaio run -- ./program

in_root --purge kaio libkaio-dev libkaio1 || fail "dpkg: $(tail -n 1 log)"
[[ $(left) == "$before" ]] || fail "purged, but left: $(diff <(echo "$before") <(left) | sed -n 2p)"
! grep -q kaio root/var/lib/dpkg/status || fail "dpkg still knows $(grep -m1 kaio root/var/lib/dpkg/status)"
