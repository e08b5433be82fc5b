#!/bin/sh
# Can every placement learn at all? check-learning.sh VIT DATA [PLACEMENT...]: trains a small network on 512
# pictures until it knows each of them, and lets eval count. A minute a placement on one core: branches that end
# in a norm whose gain starts at 0 (res-post, sandwich) need more than a thousand steps.
set -u

vit=$1 data=$2 failed=
shift 2
# The sentence about a wrong placement names all there are.
all=$("$vit" probe --norm '?' 2>&1 | sed -n 's/.*one of \(.*\) mix:F.*/\1 mix:0.5/p' | tr -d ,)
# shellcheck disable=SC2086  # one word each
[ $# -gt 0 ] || set -- $all
[ $# -gt 0 ] || { echo "FAILED: $vit names no placements" >&2; exit 1; }
out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"' EXIT
trap 'exit 130' INT TERM

for norm; do
    "$vit" train --data "$data" --out "$out/$norm" --norm "$norm" --init xavier --seed 1 --limit 512 --val 0 \
        --width 64 --depth 4 --heads 2 --hidden 128 --pool mean --augment none --label-smoothing 0 \
        --weight-decay 0 --batch 32 --lr 2e-3 --epochs 80 -q >/dev/null || exit
    top1=$("$vit" eval -m "$out/$norm" --data "$data" --split train --limit 512 --json -q |
        sed -n 's/.*"n":\([0-9]*\),.*"top1":\([0-9.]*\),.*/\2 of \1/p')
    echo "$norm: top-1 on its own pictures $top1"
    [ "$top1" = "1.0 of 512" ] || failed="$failed $norm"
done
[ -z "$failed" ] && exit 0
echo "FAILED: not every picture was learnt under$failed"
exit 1
