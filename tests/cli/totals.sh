#!/bin/sh
# tools/run-tests.sh adds up every group of tests that a program prints, and the scripts that skipped themselves; and
# every target of make that runs tests says which build they are of.
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

for target in do-test do-check-kernels do-check-faults; do
    env -u MAKEFLAGS -u MFLAGS make -n DEPS=no B="$root" MODE=debug "$target" >"$root/log" 2>&1 || fail "$(tail "$root/log")"
    for said in "VIT_BIN=$root/bin/vit" "VIT_B=$root" VIT_MODE=debug; do
        grep -e tools/run-tests.sh -e tools/check-kernels.sh "$root/log" | grep -q -e "$said" || fail "$target has no $said"
    done
done
echo "every group is counted, and of the build that is asked for"
