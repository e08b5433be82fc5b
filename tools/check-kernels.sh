#!/bin/sh
# Run test programs once for every kernel overlay this CPU can run: check-kernels.sh VIT PROGRAM...
set -u

vit=$1 failed='' ran=''
shift
for overlay in $(sed -n 's/^OVERLAY(\([a-z0-9]*\),.*/\1/p' kernels/overlays.def); do
    spec=ref+$overlay
    [ "$overlay" = ref ] && spec=ref
    VIT_KERNELS=$spec "$vit" info -q >/dev/null 2>&1
    code=$?
    if [ $code -eq 2 ] && [ "$overlay" != ref ]; then
        echo "== $spec: this CPU or build cannot run it, skipped"
        continue
    fi
    echo "== VIT_KERNELS=$spec"
    [ $code -eq 0 ] || { echo "vit info: exit code $code"; failed="$failed $spec"; continue; }
    ran=1
    VIT_KERNELS=$spec VIT_BIN=$vit tools/run-tests.sh "$@" || failed="$failed $spec"
done
[ -z "$failed" ] && [ -n "$ran" ] && exit 0
echo "FAILED with:${failed:- nothing that ran}"
exit 1
