#!/bin/bash
# holds: Tests/run --junit writes well-formed XML: each case that ran, how long it took, and what a failure says, whatever it says.
. "$CHECK_ROOT/Tests/parts/support.bash"

run() { env CHECK_FILES="$PWD" CHECK_LIBRARY="$1" "$CHECK_ROOT/Tests/run" --junit report.xml "${@:2}" >log 2>&1; }
name=what_is_relocated_becomes_read_only

read_report() {
    python3 - report.xml <<'EOF'
import sys, xml.etree.ElementTree
suite = xml.etree.ElementTree.parse(sys.argv[1]).getroot()
cases = suite.findall("testcase")
assert int(suite.get("tests")) == len(cases)
for case in cases:
    float(case.get("time"))
    failure = case.find("failure")
    said = "" if failure is None else "\n".join([failure.get("message"), failure.text])
    print(case.get("classname"), case.get("name"), "passed" if failure is None else "failed: " + said)
EOF
}

run "$CHECK_LIBRARY" "$name" || fail "Tests/run: $(tail -n1 log)"
said=$(read_report) || fail "the report cannot be read"
[[ $said == "install install/$name passed" ]] || fail "it says '$said'"

# A library whose name XML and terminals would misread is not there.
! run "$PWD/<no>&\"]]>"$'\e\x01\xff' "$name" || fail "Tests/run: a library that is not there passes"
said=$(read_report) || fail "the report of a failure cannot be read"
[[ $said == *"failed: "*'<no>&"]]>'* ]] || fail "it says '$said'"
