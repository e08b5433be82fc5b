#!/bin/sh
# make install, then the example on top of vit/vit.h is compiled against what was installed, with the shared
# and with the static library, and run; the library exports nothing but vit_*; make uninstall leaves nothing.
set -eu

[ "${VIT_MODE:-release}" = release ] || { echo "installing is tested in release mode only, skipped"; exit 0; }
CC=${CC:-cc}
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
fail() { echo "FAILED: $*"; exit 1; }
run_make() { env -u MAKEFLAGS -u MFLAGS make -s DEPS=no CC="$CC" DESTDIR="$root" PREFIX=/usr "$@"; }
pkg() { PKG_CONFIG_PATH=$root/usr/lib/pkgconfig pkg-config --define-variable=prefix="$root/usr" "$@" vit; }

run_make ${VIT_B:+B="$VIT_B"} install >"$root/log" 2>&1 || { cat "$root/log"; fail "make install"; }
for file in bin/vit lib/libvit.a lib/libvit.so lib/pkgconfig/vit.pc include/libvit/vit/vit.h share/man/man1/vit.1 \
    share/bash-completion/completions/vit share/zsh/site-functions/_vit share/fish/vendor_completions.d/vit.fish; do
    [ -s "$root/usr/$file" ] || fail "$file is not installed"
done
[ "$(PKG_CONFIG_PATH=$root/usr/lib/pkgconfig pkg-config --modversion vit)" = \
    "$("$root/usr/bin/vit" --version | sed -n '1s/vit //p')" ] || fail "vit.pc and the program differ in version"
! command -v bash >/dev/null || bash -n "$root/usr/share/bash-completion/completions/vit" || fail "bash completions"

# The example: what is indented in the comment, includes first, the rest in main.
awk '/^#ifndef/ { exit }
    /^ \*     #include/ { print substr($0, 8) }
    /^ \*     [^#]/ { body = body substr($0, 4) "\n" }
    # While the session lives: its logits go with it.
    /^ \*     const float \*logits/ { body = body "    if (!(logits[0] == logits[0])) return 1;\n" }
    END { printf "#include <stdio.h>\n#include <stdlib.h>\n\nint main(void)\n{\n%s", body
          print "    free(planes);\n    return 0;\n}" }' vit/vit.h >"$root/example.c"
# shellcheck disable=SC2046  # lists of flags
{
    "$CC" -std=c11 -Wall -Werror $(pkg --cflags) "$root/example.c" -o "$root/shared" $(pkg --libs) ||
        fail "the example does not compile against the shared library"
    # Only libvit itself: pkg-config --static would want all that libzip was built with as archives too.
    "$CC" -std=c11 $(pkg --cflags) "$root/example.c" -o "$root/static" "$root/usr/lib/libvit.a" \
        $(pkg-config --libs $(pkg --print-requires-private)) -lm -lpthread -fopenmp ||
        fail "the example does not compile against the static library"
}
cp tests/data/golden/timm-cls/model.safetensors tests/data/golden/timm-cls/config.json "$root"
cp tests/data/preprocess/fmt-420.jpg "$root/cat.jpg"
(cd "$root" && LD_LIBRARY_PATH=$root/usr/lib ./shared) || fail "the example, shared"
(cd "$root" && ./static) || fail "the example, static"

exported=$(nm -D --defined-only "$root/usr/lib/libvit.so" | awk '$2 ~ /[TDBR]/ { print $3 }' | grep -v '^vit_' || true)
[ -z "$exported" ] || fail "exported: $exported"
run_make uninstall
left=$(find "$root/usr" ! -type d)
[ -z "$left" ] || fail "left after uninstall: $left"
echo "installed, compiled, run, uninstalled"
