#!/bin/sh
# tools/check-learning.sh trains every placement that the program knows, here one that answers at once.
set -eu

vit=${VIT_BIN:-bin/vit}
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
fail() { echo "FAILED: $*"; exit 1; }

cat >"$root/vit" <<END
#!/bin/sh
case \$1 in
probe) exec "$(realpath "$vit")" "\$@" ;;
eval) echo '{"n":512,"n_failed":0,"top1":1.0,"top5":1.0}' ;;
esac
END
chmod +x "$root/vit"
tools/check-learning.sh "$root/vit" "$root" >"$root/out" 2>&1 || fail "$(cat "$root/out")"
for norm in pre post-pre rezero mix:0.5; do # the first, some, the last
    grep -qx "$norm: top-1 on its own pictures 1.0 of 512" "$root/out" || fail "no $norm: $(cat "$root/out")"
done
while IFS=: read -r norm rest; do
    [ "${rest#*:}" = "$rest" ] || norm=$norm:${rest%%:*} # mix:0.5
    "$vit" probe --noise --limit 1 --depth 1 --seeds 1 --init xavier --norm "$norm" -q >"$root/table" || fail "$norm is none"
done <"$root/out"
echo "every placement: $(wc -l <"$root/out") of them"
