#!/bin/sh
# make test ends a program that hangs, with all that it has started: at its limit, and then shows what it said; and at
# once when the run is stopped.
set -eu

command -v timeout >/dev/null 2>&1 || { echo "no timeout here, skipped"; exit 0; }
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
fail() { echo "FAILED: $*"; exit 1; }

# Waits for a child of its own, and has written both numbers when that is there.
cat >"$root/hangs" <<'END'
#!/bin/sh
echo "it hangs"
sleep 300 &
echo "$$ $!" >"$0.new"
mv "$0.new" "$0.pids"
wait
END
chmod +x "$root/hangs"

runs() { # PID; one that has ended and that nobody waits for is still there
    kill -0 "$1" 2>/dev/null && ! grep -qs '^State:.*Z' "/proc/$1/status"
}

ended() { # PID...; what was told to end may need a moment
    for pid; do
        tries=0
        while runs "$pid"; do
            tries=$((tries + 1))
            [ $tries -lt 100 ] || return 1
            sleep 0.1
        done
    done
}

begun() { # it may need a moment, on a machine with other work
    tries=0
    while [ ! -e "$root/hangs.pids" ]; do
        tries=$((tries + 1))
        [ $tries -lt 300 ] || return 1
        sleep 0.1
    done
}

! VIT_TEST_SECONDS=5 tools/run-tests.sh "$root/hangs" >"$root/out" 2>&1 || fail "a program that hangs passes"
grep -q "it hangs" "$root/out" || fail "what it said is lost: $(cat "$root/out")"
grep -q "took longer than 5 seconds" "$root/out" || fail "the limit is not said: $(cat "$root/out")"
[ -e "$root/hangs.pids" ] || fail "it had not begun in 5 seconds: nothing to compare"
# shellcheck disable=SC2046  # two words
ended $(cat "$root/hangs.pids") || fail "at the limit something of it stays"
rm "$root/hangs.pids"

VIT_TEST_SECONDS=60 tools/run-tests.sh "$root/hangs" >"$root/out" 2>&1 &
tests=$!
begun || { kill "$tests" || :; fail "it has not begun in 30 seconds: $(cat "$root/out")"; }
kill "$tests"
# shellcheck disable=SC2046
ended "$tests" $(cat "$root/hangs.pids") || fail "a stopped run goes on"
code=0
wait "$tests" || code=$?
[ $code -eq 130 ] || fail "a stopped run: exit code $code, expected 130"
echo "what hangs is ended, with its children"
