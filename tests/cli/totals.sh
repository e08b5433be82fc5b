#!/bin/sh
# tools/run-tests.sh adds up every group of tests that a program prints, and the scripts that skipped themselves.
set -eu

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
fail() { echo "FAILED: $*"; exit 1; }

program() { # NAME LINE...
    name=$1; shift
    { echo '#!/bin/sh'; printf "echo '%s'\n" "$@"; } >"$root/$name"
    chmod +x "$root/$name"
}
program groups '[  PASSED  ] 12 test(s).' '[  SKIPPED ] 2 test(s), listed below:' '[  SKIPPED ] a_test_that_needs_more' \
    '[  PASSED  ] 3 test(s).' '[  SKIPPED ] 1 test(s), listed below:'
program script.sh 'no compiler here, skipped'
program other.sh 'nothing skipped that was there'

tools/run-tests.sh "$root/groups" "$root/script.sh" "$root/other.sh" >"$root/out" || fail "$(cat "$root/out")"
last=$(tail -n 1 "$root/out")
[ "$last" = "3 programs run, 15 tests passed, 4 skipped" ] || fail "it says: $last"
echo "every group is counted"
