#!/bin/sh
# tools/check-learning.sh trains every placement that the program knows, here one that answers at once.
set -eu

vit=${VIT_BIN:-bin/vit}
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
fail() { echo "FAILED: $*"; exit 1; }

# One of them is of its own invention.
names=$("$vit" probe --norm '?' 2>&1 | sed 's/one of pre, /one of pre, new-one, /') || true
case $names in *new-one*) ;; *) fail "its placements are not said as expected: $names" ;; esac
cat >"$root/vit" <<END
#!/bin/sh
case \$1 in
probe) echo "$names" >&2; exit 2 ;;
eval) echo '{"n":512,"n_failed":0,"top1":1.0,"top5":1.0}' ;;
esac
END
chmod +x "$root/vit"
tools/check-learning.sh "$root/vit" "$root" >"$root/out" 2>&1 || fail "$(cat "$root/out")"
for norm in pre new-one post post-pre rezero mix:0.5; do
    grep -qx "$norm: top-1 on its own pictures 1.0 of 512" "$root/out" || fail "no $norm: $(cat "$root/out")"
done
while IFS=: read -r norm rest; do
    [ "$norm" != new-one ] || continue
    [ "${rest#*:}" = "$rest" ] || norm=$norm:${rest%%:*} # mix:0.5
    "$vit" probe --noise --limit 1 --depth 1 --seeds 1 --init xavier --norm "$norm" -q >"$root/table" ||
        fail "$norm is none"
done <"$root/out"
echo "every placement: $(wc -l <"$root/out") of them"
