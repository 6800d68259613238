#!/bin/bash
# The tarball's install.sh installs what make install does, with sh and the C library alone, and takes all of it away again; the
# list of parts is a whole SPDX document that names what the manifest pins.
. "$CHECK_ROOT/Tests/Install/check.bash"

name=kaio-$version-$(uname -m)-linux-gnu
"$CHECK_ROOT/Tools/release" --stage "$name" || fail "nothing is staged"
[[ -x $name/install.sh && -s $name/README.md && -s $name/LICENSE && -s $name/CHANGELOG.md ]] || fail "the tarball has no $(ls "$name")"

mkdir prefix prefix/bin
touch prefix/bin/of-another
tree prefix >before
sh "$name/install.sh" "$PWD/prefix" >said || fail "install.sh fails"
install_to "$PWD/other"
diff <(cd other && find . -not -type d | sort) <(cd prefix && find . -not -type d -not -name of-another | sort) >differs ||
    fail "make install has other files: $(grep -m1 '^[<>]' differs)"
write_program
PKG_CONFIG_PATH=$PWD/prefix/lib/pkgconfig
export PKG_CONFIG_PATH
# shellcheck disable=SC2046
cc program.c $(pkg-config --cflags --libs kaio) -Wl,-rpath,"$PWD/prefix/lib" -o program || fail "the program does not link"
expect_runs ./program
[[ $(prefix/bin/kaio --version) == *"library $version ($PWD/prefix/lib/libkaio.so.$version)"* ]] || fail "the command finds another library"
# An update of the same leaves the same.
tree prefix >installed
sh "$name/install.sh" "$PWD/prefix" >said || fail "a second install.sh fails"
tree prefix | diff - installed >differs || fail "a second time differs: $(head -n2 differs)"
sh "$name/install.sh" --uninstall "$PWD/prefix" >said || fail "install.sh --uninstall fails"
tree prefix | diff before - >differs || fail "left or lost: $(head -n2 differs)"
! sh "$name/install.sh" --uninstall "$PWD/prefix" 2>said || fail "what is not there is uninstalled"
! sh "$name/install.sh" some/where 2>said || fail "a relative prefix is taken"

pinned=$(sed -n 's/.*swift-argument-parser", exact: "\([^"]*\)".*/\1/p' "$CHECK_ROOT/Package.swift")
jq -e --arg version "$version" --arg pinned "$pinned" --arg sum "$(sha256sum <"$CHECK_COMMAND" | cut -d' ' -f1)" '
    .spdxVersion == "SPDX-2.3" and .dataLicense == "CC0-1.0" and (.creationInfo.created | fromdate >= 0)
    and (.packages | any(.name == "kaio" and .versionInfo == $version and .licenseDeclared == "Apache-2.0"))
    and (.packages | any(.name == "swift-argument-parser" and .versionInfo == $pinned))
    and (.packages | all(.SPDXID and .versionInfo != "" and .downloadLocation and .licenseConcluded))
    and (.files | any(.fileName == "./files/bin/kaio" and .checksums[0].checksumValue == $sum))
    and ([.packages[].SPDXID, .files[].SPDXID] as $known | .relationships
        | all((.spdxElementId | IN("SPDXRef-DOCUMENT", $known[])) and (.relatedSpdxElement | IN($known[]))))
    ' "$name.spdx.json" >/dev/null || fail "the SPDX document is not whole: $(head -c 500 "$name.spdx.json")"
