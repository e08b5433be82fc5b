#!/bin/sh
# Does a sweep survive? check-sweep.sh VIT DATA: a small grid on 2000 pictures, once left alone, once killed
# (KILL, INT and TERM in turn) whenever its logs have grown by five lines, until it is through, and once so
# with two cells side by side; then the numbers of all must be the same. A minute or two.
set -u

vit=$1 data=$2
out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"' EXIT
trap 'exit 130' INT TERM

set -- sweep --data "$data" --norm pre,post --depth 2,4 --lr 1e-4,3e-3,1e6 --seeds 2 --limit 2000 --width 64 \
    --heads 2 --hidden 128 --patch 8 --pool mean --init xavier --clip 0 --label-smoothing 0 --warmup 10 \
    --epochs 4 --batch 64 --dead-after 50% --checkpoint-every 20 -q

numbers() { # DIR: without times; null: nothing was left to time after a kill
    sed -E 's/"(images_per_second|seconds)":(null|[0-9.e+-]*)//g' "$1/cells.jsonl" "$1/epochs.jsonl"
}

logged() { # DIR: lines, of cells under way too
    cat "$1"/cells.jsonl "$1"/cells/*/log.jsonl 2>/dev/null | wc -l
}

killed() { # DIR, flags of the sweep: to its end, however often it is killed
    dir=$1 kills=0
    shift
    while :; do
        case $((kills % 3)) in 0) signal=KILL ;; 1) signal=INT ;; *) signal=TERM ;; esac
        before=$(logged "$dir")
        "$vit" "$@" --out "$dir" >/dev/null &
        job=$!
        while kill -0 $job 2>/dev/null && [ "$(logged "$dir")" -lt $((before + 5)) ]; do sleep 0.1; done
        kill -$signal $job 2>/dev/null
        wait $job
        case $? in
        0) break ;;
        130 | 137) kills=$((kills + 1)) ;;
        *) exit 1 ;;
        esac
    done
}

same() { # DIR, command that puts lines in an order: the numbers and logits of the one left alone
    numbers "$out/alone" | $2 >"$out/a"
    numbers "$1" | $2 >"$out/b"
    if [ $kills -eq 0 ] || ! cmp "$out/a" "$out/b" || ! diff -r "$out/alone/logits" "$1/logits"; then
        echo "FAILED after $kills kills: the numbers differ"
        exit 1
    fi
    echo "$3, killed $kills times: $(wc -l <"$1/cells.jsonl") cells, the same numbers and logits"
}

"$vit" "$@" -t 1 --out "$out/alone" || exit
killed "$out/killed" "$@" -t 1
same "$out/killed" cat "one by one"
killed "$out/beside" "$@" -t 2 --jobs 2
same "$out/beside" sort "two side by side"
