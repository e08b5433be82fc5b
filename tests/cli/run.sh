#!/bin/sh
# make run: the pictures in samples/ with the model that MODEL names, also one with a blank in its name; and what cannot
# be used is said.
set -eu

[ "${VIT_MODE:-release}" = release ] || { echo "running is tested in release mode only, skipped"; exit 0; }
CC=${CC:-cc}
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
fail() { echo "FAILED: $*"; exit 1; }
run_make() { env -u MAKEFLAGS -u MFLAGS make -s DEPS=no CC="$CC" ${VIT_B:+B="$VIT_B"} run "$@"; }

mkdir "$root/a model"
cp tests/data/golden/timm-cls/model.safetensors tests/data/golden/timm-cls/config.json "$root/a model"
run_make MODEL="$root/a model" >"$root/out" 2>"$root/err" || { cat "$root/err"; fail "a model with a blank in its name"; }
[ "$(grep -c '^samples/' "$root/out")" -eq "$(ls samples/*.jpg | wc -l)" ] || fail "not every picture has an answer"
! run_make MODEL="$root/none" >"$root/out" 2>"$root/err" || fail "a model that is not there"
grep -q "none: cannot be opened" "$root/err" || { cat "$root/err"; fail "what is wrong with the model"; }
echo "run with a model of that name"
