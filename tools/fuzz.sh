#!/bin/sh
# Run fuzzers that are built: fuzz.sh BUILD-FOLDER SECONDS RUNS TARGET...
#
# Each target runs for SECONDS (0: no such limit) or RUNS executions (0: no such limit), whichever ends first.
# Inputs that reach something new are kept in BUILD-FOLDER/corpus/TARGET and built upon the next time; what
# crashes, leaks, hangs or takes too much memory is kept in BUILD-FOLDER/found, with the log, until the same target
# runs again. Fails when there is any.
#
# BUILD-FOLDER/corpus/TARGET.total adds up, over all runs since it is there: executions, and seconds of processors.
set -u
export LC_ALL=C # awk of a locale with a decimal comma reads and writes commas

build=$1 seconds=$2 runs=$3 failed='' stopped=''
shift 3
[ "$seconds$runs" = 00 ] && { echo "fuzz: expected a limit of seconds or of executions, found none" >&2; exit 2; }
[ "$runs" = 0 ] && runs=-1
rm -rf "$build/seeds"
mkdir -p "$build/seeds" "$build/found"
"$build/tests/fuzz/seeds" "$build/seeds" || exit 1
# In memory where the system has such a place: some targets write files for every execution.
shm=/dev/shm
[ -w "$shm" ] || shm=/tmp
TMPDIR=$(mktemp -d "$shm/vit-fuzz-XXXXXX") || exit 1
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
# A fuzzer that is interrupted says what it has done: it counts.
trap 'stopped=130' INT TERM

# took: seconds of processors since the last time, of children that have ended: the second line of times,
# "0m1.5s 0m0.2s". A subshell would tell of its own.
before=0
measure() {
    times >"$TMPDIR/times"
    now=$(awk 'NR == 2 { for (i = 1; i <= 2; i++) { split($i, t, /[ms]/); sum += 60 * t[1] + t[2] } printf "%.2f", sum }' \
        "$TMPDIR/times")
    took=$(echo "$now $before" | awk '{ print $1 - $2 }')
    before=$now
}

for target; do
    corpus=$build/corpus/$target log=$build/found/$target.log total=$build/corpus/$target.total
    mkdir -p "$corpus" "$build/seeds/$target"
    rm -f "$build/found/$target-"* "$log"
    [ -f "$total" ] || echo 0 0 >"$total"
    dictionary=tests/fuzz/$target.dict longest=32768
    case $target in
    cifar) longest=9300 ;; # three records: more of them are more of the same
    config) dictionary=tests/fuzz/json.dict ;;
    model | state) dictionary=tests/fuzz/safetensors.dict ;;
    exif) dictionary=tests/fuzz/picture.dict ;;
    esac
    set -- -max_total_time="$seconds" -runs="$runs" -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=1024 \
        -max_len=$longest -print_final_stats=1 -artifact_prefix="$build/found/$target-"
    [ -f "$dictionary" ] && set -- "$@" -dict="$dictionary"
    measure
    "$build/tests/fuzz/fuzz_$target" "$@" "$corpus" "$build/seeds/$target" >"$log" 2>&1
    code=$?
    measure
    awk -v target="$target" -v code=$code -v took="$took" -v file="$total" '
        NR == FNR { all = $1; spent = $2; next }
        /cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") cov = $(i + 1) }
        /^#[0-9]+/ { if (substr($1, 2) + 0 > runs) runs = substr($1, 2) + 0 }
        /number_of_executed_units/ { runs = $2 }
        /peak_rss_mb/ { rss = $2 }
        /slowest_unit_time_sec/ { slow = $2 }
        END {
            all += runs; spent += took
            printf "%-12s %9d executions, %6.0f a second, %5d edges, slowest %d s, %d MiB: %s; %d in all, %.0f s\n",
                   target, runs, took ? runs / took : 0, cov, slow, rss,
                   code ? "FOUND SOMETHING" : "nothing found", all, spent
            printf "%d %.2f\n", all, spent > file
        }' "$total" "$log"
    [ $code -eq 0 ] || failed="$failed $target"
    [ $code -eq 0 ] || tail -n 40 "$log"
    [ -z "$stopped" ] || exit "$stopped"
done
[ -z "$failed" ] && exit 0
echo "FOUND:$failed; inputs and logs are in $build/found"
exit 1
