#!/bin/sh
# Run test programs once for every kernel overlay this CPU can run: check-kernels.sh VIT PROGRAM...
set -u

vit=$1 failed=
shift
for overlay in $(sed -n 's/^OVERLAY(\([a-z0-9]*\),.*/\1/p' kernels/overlays.def); do
    spec=ref+$overlay
    [ "$overlay" = ref ] && spec=ref
    if ! VIT_KERNELS=$spec "$vit" info -q >/dev/null 2>&1; then
        echo "== $spec: this CPU or build cannot run it, skipped"
        continue
    fi
    echo "== VIT_KERNELS=$spec"
    VIT_KERNELS=$spec VIT_BIN=$vit tools/run-tests.sh "$@" || failed="$failed $spec"
done
[ -z "$failed" ] && exit 0
echo "FAILED with:$failed"
exit 1
