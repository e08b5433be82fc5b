#!/bin/sh
# Run test programs one after the other, show what they print, and sum up. Fails if any of them does.
#
#   tools/run-tests.sh PROGRAM...
#
# VIT_TEST_SECONDS: the most one program may take (default 240). VIT_EMULATOR: what runs a program for another CPU.
set -u

# On a machine with other work, threads that spin at a barrier wait for one that cannot run: sleep instead.
OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}
export OMP_WAIT_POLICY

[ $# -gt 0 ] || { echo "no test to run" >&2; exit 1; }
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
. tools/limit.sh

# What cmocka prints at the end of each group of tests: "[  PASSED  ] 12 test(s)." and "[  SKIPPED ] 1 test(s), ..."
tests() { # PASSED|SKIPPED: how many of the program
    awk -v what="$1" '$1 == "[" && $2 == what && $5 ~ /^test\(s\)/ { sum += $4 } END { print sum + 0 }' "$log"
}

programs=0 passed=0 skipped=0 failed=
for program; do
    echo "== $program"
    case $program in *.sh) emulator= ;; *) emulator=${VIT_EMULATOR:-} ;; esac
    limited "${VIT_TEST_SECONDS:-240}" $emulator "$program" >"$log" 2>&1
    code=$?
    cat "$log"
    programs=$((programs + 1))
    passed=$((passed + $(tests PASSED)))
    skipped=$((skipped + $(tests SKIPPED)))
    # A script that skips itself says so last.
    case $program in *.sh) tail -n 1 "$log" | grep -q ', skipped$' && skipped=$((skipped + 1)) ;; esac
    if [ $code -ne 0 ]; then
        [ $code -eq 124 ] && echo "$program: took longer than ${VIT_TEST_SECONDS:-240} seconds"
        failed="$failed $program"
    fi
done

echo
echo "$programs programs run, $passed tests passed, $skipped skipped"
[ -z "$failed" ] && exit 0
echo "FAILED:$failed"
exit 1
