#!/bin/sh
# Does a sweep survive? check-sweep.sh VIT DATA: a small grid on 2000 pictures, once left alone, once killed
# (KILL, INT and TERM in turn) whenever its logs have grown by five lines, until it is through; then the numbers
# of both must be the same. Two minutes on one core.
set -u

vit=$1 data=$2 kills=0
out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"' EXIT
trap 'exit 130' INT TERM

set -- sweep --data "$data" --norm pre,post --depth 2,4 --lr 1e-4,3e-3,1e6 --seeds 2 --limit 2000 --width 64 \
    --heads 2 --hidden 128 --patch 8 --pool mean --init xavier --clip 0 --label-smoothing 0 --warmup 10 \
    --epochs 4 --batch 64 --dead-after 50% --checkpoint-every 20 -t 1 -q --out

numbers() { # DIR: without times
    sed -E 's/"(images_per_second|seconds)":[0-9.e+-]*//g' "$1/cells.jsonl" "$1/epochs.jsonl"
}

logged() { # lines, of cells under way too
    cat "$out"/killed/cells.jsonl "$out"/killed/cells/*/log.jsonl 2>/dev/null | wc -l
}

"$vit" "$@" "$out/alone" || exit
while :; do
    case $((kills % 3)) in 0) signal=KILL ;; 1) signal=INT ;; *) signal=TERM ;; esac
    before=$(logged)
    "$vit" "$@" "$out/killed" >/dev/null &
    job=$!
    while kill -0 $job 2>/dev/null && [ "$(logged)" -lt $((before + 5)) ]; do sleep 0.1; done
    kill -$signal $job 2>/dev/null
    wait $job
    case $? in
    0) break ;;
    130 | 137) kills=$((kills + 1)) ;;
    *) exit 1 ;;
    esac
done

numbers "$out/alone" >"$out/a"
numbers "$out/killed" >"$out/b"
if [ $kills -gt 0 ] && cmp "$out/a" "$out/b" && diff -r "$out/alone/logits" "$out/killed/logits"; then
    echo "killed $kills times: $(wc -l <"$out/killed/cells.jsonl") cells, the same numbers and logits"
    exit 0
fi
echo "FAILED after $kills kills: the numbers differ"
exit 1
