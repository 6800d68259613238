#!/bin/bash
# The modules in Swift of CONTRIBUTING.md and kaio_vfs(3) compile with the library, and have what Registry.swift asks of one.
. "$CHECK_ROOT/Tests/parts/support.bash"

awk '/^```swift$/ { on = 1; next } /^```$/ { on = 0 } on' "$CHECK_ROOT/CONTRIBUTING.md" >alarm.swift
awk '/^## In Swift$/ { on = 1; next } /^## / { on = 0 } on && /^    / { print substr($0, 5) }' \
    "$CHECK_ROOT/docs/modules/writing.md" >size_limit.swift
for module in alarm:Alarm size_limit:SizeLimit; do
    name=${module%:*} type=${module#*:}
    asked=$(sed -nE "s/.*parameters\.[a-z]+\(\"$name\", \"([^\"]*)\".*/\1/p" "$name.swift" | paste -sd, | sed 's/,/, /g')
    [[ $asked ]] || fail "$name asks for no parameter"
    grep -qF "static let parameters: StaticString = \"$asked\"" "$name.swift" || fail "$name does not list '$asked'"
    # As the three lines of Registry.swift use it.
    cat >>use.swift <<END
func use$type() -> (StaticString, any Module) { ($type.parameters, $type(position: 0, parameters: .none)) }
END
done
mapfile -t sources < <(find "$CHECK_ROOT/Sources/Kaio" -name '*.swift')
"${SWIFT:-swift}c" -typecheck -swift-version 6 -warnings-as-errors -module-name Kaio -I "$CHECK_ROOT/include" -I "$CHECK_ROOT/Sources/CKernel" \
    "${sources[@]}" ./*.swift 2>message || fail "$(grep -m1 error: message)"
