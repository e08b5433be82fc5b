#!/bin/sh
# Run fuzzers that are built: fuzz.sh BUILD-FOLDER SECONDS TARGET...
#
# Inputs that reach something new are kept in BUILD-FOLDER/corpus/TARGET and built upon the next time; what
# crashes, leaks, hangs or takes too much memory is kept in BUILD-FOLDER/found. Fails when there is any.
set -u

build=$1 seconds=$2 failed=
shift 2
rm -rf "$build/seeds" "$build/found"
mkdir -p "$build/seeds" "$build/found"
"$build/tests/fuzz/seeds" "$build/seeds" || exit 1
# In memory where the system has such a place: some targets write files for every execution.
shm=/dev/shm
[ -w "$shm" ] || shm=/tmp
TMPDIR=$(mktemp -d "$shm/vit-fuzz-XXXXXX") || exit 1
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
trap 'exit 130' INT TERM

for target; do
    corpus=$build/corpus/$target log=$build/found/$target.log
    mkdir -p "$corpus" "$build/seeds/$target"
    dictionary=tests/fuzz/$target.dict
    case $target in
    config) dictionary=tests/fuzz/json.dict ;;
    model | state) dictionary=tests/fuzz/safetensors.dict ;;
    exif) dictionary=tests/fuzz/picture.dict ;;
    esac
    set -- -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=1024 -max_len=32768 \
        -print_final_stats=1 -artifact_prefix="$build/found/$target-"
    [ -f "$dictionary" ] && set -- "$@" -dict="$dictionary"
    "$build/tests/fuzz/fuzz_$target" "$@" "$corpus" "$build/seeds/$target" >"$log" 2>&1
    code=$?
    awk -v target="$target" -v code=$code '
        /cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") cov = $(i + 1) }
        /number_of_executed_units/ { runs = $2 }
        /peak_rss_mb/ { rss = $2 }
        /slowest_unit_time_sec/ { slow = $2 }
        END {
            printf "%-12s %9d executions, %5d edges, slowest %d s, %d MiB: %s\n", target, runs, cov, slow, rss,
                   code ? "FOUND SOMETHING" : "nothing found"
        }' "$log"
    [ $code -eq 0 ] || failed="$failed $target"
    [ $code -eq 0 ] || tail -n 40 "$log"
done
[ -z "$failed" ] && exit 0
echo "FOUND:$failed; inputs and logs are in $build/found"
exit 1
