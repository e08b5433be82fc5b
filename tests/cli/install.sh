#!/bin/sh
# make install, then the examples on top of the headers are compiled as they stand against what was installed, that of
# vit/vit.h with the shared and with the static library, and run; so is a program that makes a network, trains it and
# looks at it. Every header compiles by itself, as C and as C++; the library exports what its headers declare; make
# uninstall leaves nothing.
set -eu

[ "${VIT_MODE:-release}" = release ] || { echo "installing is tested in release mode only, skipped"; exit 0; }
CC=${CC:-cc} PKG_CONFIG=${PKG_CONFIG:-pkg-config}
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
fail() { echo "FAILED: $*"; exit 1; }
run_make() { env -u MAKEFLAGS -u MFLAGS make -s DEPS=no CC="$CC" DESTDIR="$root" PREFIX=/usr "$@"; }
pkg() { PKG_CONFIG_PATH=$root/usr/lib/pkgconfig $PKG_CONFIG --define-variable=prefix="$root/usr" "$@" vit; }

# For everybody, whatever the mask of who installs.
{ run_make ${VIT_B:+B="$VIT_B"} all && (umask 077 && run_make ${VIT_B:+B="$VIT_B"} install); } >"$root/log" 2>&1 ||
    { cat "$root/log"; fail "make install"; }
wrong=$(find "$root/usr" \( -type d -o -path '*/bin/*' -o -name 'libvit.so.*.*.*' \) ! -type l ! -perm 755 -o \
    -type f ! -path '*/bin/*' ! -name 'libvit.so.*' ! -perm 644)
[ -z "$wrong" ] || fail "not to be read by everybody, or not to be run: $wrong"
for file in bin/vit lib/libvit.a lib/libvit.so lib/pkgconfig/vit.pc include/libvit/vit/vit.h share/man/man1/vit.1 \
    share/bash-completion/completions/vit share/zsh/site-functions/_vit share/fish/vendor_completions.d/vit.fish \
    share/doc/vit/LICENSE share/libvit/samples/COPYING; do
    [ -s "$root/usr/$file" ] || fail "$file is not installed"
done
[ "$(pkg --modversion)" = \
    "$("$root/usr/bin/vit" --version | sed -n '1s/vit //p')" ] || fail "vit.pc and the program differ in version"
# A program runs with the minor version it was built with, until 1.0, and from then on with the major one.
version=$("$root/usr/bin/vit" --version | sed -n '1s/vit //p')
case $version in 0.*) soname=libvit.so.${version%.*} ;; *) soname=libvit.so.${version%%.*} ;; esac
[ "$(objdump -p "$root/usr/lib/libvit.so" | awk '$1 == "SONAME" { print $2 }')" = "$soname" ] &&
    [ -s "$root/usr/lib/$soname" ] || fail "the shared library is not $soname"
! command -v bash >/dev/null || bash -n "$root/usr/share/bash-completion/completions/vit" || fail "bash completions"

# The library's headers for programs are those that C++ may include too. Each stands alone among the installed.
for header in $(grep -l '^extern "C"' vit/*.h); do
    [ -s "$root/usr/include/libvit/$header" ] || fail "$header is not installed"
done
(cd "$root/usr/include/libvit" && find . -name '*.h') | sed 's,^\./,,' >"$root/headers"
while read -r header; do
    echo "#include <$header>" >"$root/alone.c"
    # shellcheck disable=SC2046,SC2086  # lists of flags; CC may be two words
    $CC -std=c11 -Wall -Werror -fsyntax-only $(pkg --cflags) "$root/alone.c" || fail "$header does not stand alone"
    grep -q '^extern "C"' "$root/usr/include/libvit/$header" || fail "$header is not for C++"
done <"$root/headers"

# The examples as they stand: what is indented in the comment.
example() {
    awk '/^#ifndef/ { exit }
        /^ \*     / { print substr($0, 8); inside = 1; next }
        inside && $0 == " *" { print "" }' "$1"
}
for header in vit/train vit/probe vit/attention vit/stats patch/patch weights/weights; do
    example "$header.h" >"$root/part.c"
    # shellcheck disable=SC2046,SC2086  # lists of flags; CC may be two words
    $CC -std=c11 -Wall -Werror -c "$root/part.c" -o "$root/example.o" $(pkg --cflags) &&
        nm "$root/example.o" | grep -q ' T ' || fail "the example of $header.h does not compile"
done
example vit/vit.h >"$root/example.c"
# shellcheck disable=SC2046,SC2086  # lists of flags; CC may be two words
{
    # As the README has it.
    $CC "$root/example.c" $(pkg --cflags --libs) -o "$root/shared" ||
        fail "the example does not compile as the README says"
    $CC -std=c11 -Wall -Werror $(pkg --cflags) "$root/example.c" -o "$root/shared" $(pkg --libs) ||
        fail "the example does not compile against the shared library"
    # Only libvit itself: pkg-config --static would want all that libzip was built with as archives too.
    $CC -std=c11 $(pkg --cflags) "$root/example.c" -o "$root/static" "$root/usr/lib/libvit.a" \
        $($PKG_CONFIG --libs $(pkg --print-requires-private)) -lm -lpthread -fopenmp ||
        fail "the example does not compile against the static library"
}
# A program may have headers of the same names as those beside vit/, found first and guarded as is usual.
grep -v '^vit/' "$root/headers" >"$root/beside"
mkdir "$root/own"
while read -r header; do
    guard=$(echo "$header" | tr 'a-z/.' 'A-Z__')
    mkdir -p "$root/own/${header%/*}"
    printf '#ifndef %s\n#define %s\n#endif\n' "$guard" "$guard" >"$root/own/$header"
    echo "#include \"$header\""
done <"$root/beside" >"$root/own/main.c"
cat "$root/example.c" >>"$root/own/main.c"
# shellcheck disable=SC2046,SC2086  # lists of flags; CC may be two words
$CC -std=c11 -Wall -Werror -fsyntax-only -I"$root/own" "$root/own/main.c" $(pkg --cflags) ||
    fail "the example does not compile beside other headers of the same names"

# A network of two blocks learns one picture: from the headers beside vit/vit.h, with the shared library.
cat >"$root/train.c" <<'END'
#include <math.h>
#include <stdio.h>
#include <vit/attention.h>
#include <vit/probe.h>
#include <vit/stats.h>
#include <vit/train.h>

static float planes[3 * 8 * 8];
static const int labels[1] = { 1 };

static double trained_loss(struct vit_trainer *t)
{
    struct vit_report r = { 0 };

    for (int i = 0; i < 20; i++) r = vit_trainer_step(t, &(struct vit_batch){ .planes = planes, .labels = labels, .n = 1 });
    return r.finite ? r.loss : INFINITY;
}

int main(void)
{
    struct vit_config c;
    struct vit_hyper h = vit_hyper_default();
    struct vit_error err;
    struct vit_model *m;
    struct vit_trainer *t;
    struct vit_probe *p;
    struct vit_attention *a;
    const struct vit_init init = { .seed = 1 };
    const struct vit_probe_options o = { .pictures = 1, .lr = 1e-3f };
    double loss;

    for (int i = 0; i < 3 * 8 * 8; i++) planes[i] = (float)(i % 7) - 3;
    if (vit_config_preset(&c, "vit_tiny_patch16_224", &err)) return puts(err.text);
    c.image = 8, c.stem.patch = 4, c.depth = 2, c.classes = 2;
    h.steps = 20, h.lr = 1e-3f;
    if (vit_model_create(&m, &c, NULL, NULL, &init, NULL, &err)) return puts(err.text);
    if (vit_trainer_create(&t, m, &h, 1, 1, &err)) return puts(err.text);
    loss = trained_loss(t);
    vit_trainer_close(t);
    if (vit_probe_create(&p, m, &o, &err)) return puts(err.text);
    vit_probe_measure(p, planes, labels);
    if (!(vit_probe_network(p)->loss < log(2)) || !(loss < log(2))) return puts("it has not learned");
    vit_probe_close(p);
    if (vit_attention_create(&a, m, 1, &err)) return puts(err.text);
    vit_attention_forward(a, planes);
    if (!(vit_attention_rollout(a)[0] > 0)) return puts("no rollout");
    vit_attention_close(a);
    if (!(vit_mcnemar(0, 0) == 1)) return puts("no statistics");
    if (vit_model_save(m, "trained.safetensors", WEIGHTS_F32, &err)) return puts(err.text);
    vit_model_close(m);
    return 0;
}
END
# shellcheck disable=SC2046,SC2086  # lists of flags; CC may be two words
$CC -std=c11 -Wall -Werror $(pkg --cflags) "$root/train.c" -o "$root/train" $(pkg --libs) -lm ||
    fail "a program that trains does not compile"
(cd "$root" && OMP_NUM_THREADS=1 LD_LIBRARY_PATH=$root/usr/lib ./train && [ -s trained.safetensors ]) ||
    fail "a program that trains"

# The pictures that come with it are found from any folder.
(cd "$root" && usr/bin/vit probe -q --norm pre --depth 1 --init xavier --width 16 --heads 2 --hidden 16 --seeds 1 \
    --limit 2 -t 1 >/dev/null) || fail "probe does not find the samples that are installed"

cp tests/data/golden/timm-cls/model.safetensors tests/data/golden/timm-cls/config.json "$root"
cp tests/data/preprocess/fmt-420.jpg "$root/cat.jpg"
# It says what the program says.
(cd "$root" && usr/bin/vit classify -q -m model.safetensors -k1 cat.jpg) | awk 'NR == 2 { print $2 }' >"$root/answer"
(cd "$root" && LD_LIBRARY_PATH=$root/usr/lib ./shared) >"$root/said" || fail "the example, shared"
(cd "$root" && ./static) >>"$root/said" || fail "the example, static"
[ -s "$root/answer" ] && [ "$(cut -d' ' -f1 "$root/said" | sort -u)" = "$(cat "$root/answer")" ] ||
    fail "the example says $(cat "$root/said"), the program $(cat "$root/answer")"

# A program in C++: every header, alone and to be linked with; and one that must do without files.
cat >"$root/memory.cc" <<'END'
#include <vit/vit.h>
#include <vit/stats.h>
#include <cstdio>
#include <vector>

static std::vector<unsigned char> bytes_of(const char *path)
{
    std::vector<unsigned char> bytes;
    FILE *f = std::fopen(path, "rb");
    for (int c; f && (c = std::getc(f)) != EOF;) bytes.push_back(static_cast<unsigned char>(c));
    if (f) std::fclose(f);
    return bytes;
}

int main()
{
    vit_error err;
    vit_model *m;
    vit_session *s;
    vit_session_options o = vit_session_options();
    patch_decode limits = patch_decode();
    const std::vector<unsigned char> model = bytes_of("trained.safetensors"), picture = bytes_of("cat.jpg");

    o.batch = 2;
    o.threads = 1;
    limits.max_pixels = 1 << 20;
    if (vit_model_open_memory(&m, model.data(), model.size(), "asset", NULL, &err)) return std::puts(err.text);
    if (vit_session_create(&s, m, &o, &err)) return std::puts(err.text);
    std::vector<float> planes(2 * vit_model_input_floats(m));
    if (vit_decode_image(m, picture.data(), picture.size(), "upload", planes.data(), &limits, &err)) return std::puts(err.text);
    const unsigned char pixel[3] = { 1, 2, 3 };
    if (vit_prepare_image(m, pixel, 1, 1, planes.data() + vit_model_input_floats(m), &err)) return std::puts(err.text);
    const float *logits = vit_forward(s, planes.data(), 2);
    if (!(logits[0] == logits[0])) return std::puts("no logits");
    vit_session_close(s);
    vit_model_close(m);
    return vit_mcnemar(0, 0) == 1 ? 0 : 1;
}
END
cxx=${CXX:-g++}
if command -v "$cxx" >/dev/null; then
    while read -r header; do
        echo "#include <$header>" >"$root/alone.cc"
        # shellcheck disable=SC2046,SC2086  # lists of flags; CC may be two words
        "$cxx" -std=c++11 -Wall -Wextra -pedantic -Werror -fsyntax-only $(pkg --cflags) "$root/alone.cc" ||
            fail "$header does not stand alone in C++"
    done <"$root/headers"
    # shellcheck disable=SC2046,SC2086  # lists of flags; CC may be two words
    "$cxx" -std=c++11 -Wall -Werror $(pkg --cflags) "$root/memory.cc" -o "$root/memory" $(pkg --libs) ||
        fail "a program in C++ does not compile"
    (cd "$root" && LD_LIBRARY_PATH=$root/usr/lib ./memory) || fail "a program in C++"
else
    echo "no C++ compiler, its program is skipped"
fi

# The library exports every vit_* that an installed header declares, and no other.
sed 's/.*/#include <&>/' "$root/headers" >"$root/all.c"
# shellcheck disable=SC2046,SC2086  # lists of flags; CC may be two words
$CC -std=c11 -E -P $(pkg --cflags) "$root/all.c" >"$root/all.i"
grep -o '\<vit_[a-z0-9_]*(' "$root/all.i" |
    tr -d '(' | grep -vxE 'vit_(from_)?bf16' | sort -u >"$root/declared"
nm -D --defined-only "$root/usr/lib/libvit.so" | awk '$2 ~ /[TDBRVW]/ { sub(/@.*/, "", $3); print $3 }' | sort -u >"$root/exported"
diff "$root/declared" "$root/exported" || fail "declared (<) and exported (>) differ"
# What vit/vit.h says of C++: functions that hide a struct.
sed -n 's/^struct \([a-z0-9_]*\) {.*/\1/p' "$root/all.i" | sort -u >"$root/structs"
grep -o '\<[a-z0-9_]*(' "$root/all.i" | tr -d '(' | sort -u | comm -12 - "$root/structs" >"$root/hidden"
sed '/^#ifndef/q' vit/vit.h >"$root/top"
while read -r name; do
    grep -q "\<$name\>" "$root/top" || fail "vit/vit.h does not say that in C++ a function hides struct $name"
done <"$root/hidden"
run_make uninstall
left=$(find "$root/usr" ! -type d)
[ -z "$left" ] || fail "left after uninstall: $left"

# A folder with a blank in its name, and a library folder of the packager's: nothing goes to, or away from, the
# folders that the parts of the name would be.
mkdir -p "$root/a/include/libvit"
echo kept >"$root/a/include/libvit/precious"
echo kept >"$root/a/precious"
run_blank() { run_make ${VIT_B:+B="$VIT_B"} DESTDIR="$root/a stage" LIBDIR=/usr/lib/some-linux SAMPLES=0 "$@" >"$root/log" 2>&1; }
touch "$root/mark"
for again in 1 2; do
    run_blank install || { cat "$root/log"; fail "make install, time $again, to a folder with a blank in its name"; }
done
for file in bin/vit lib/some-linux/libvit.so lib/some-linux/pkgconfig/vit.pc include/libvit/weights/weights.h; do
    [ -s "$root/a stage/usr/$file" ] || fail "$file is not installed in a folder with a blank in its name"
done
[ ! -e "$root/a stage/usr/share/libvit" ] || fail "SAMPLES=0 installs pictures"
# Root may install what others build and go on building.
written=$(find "${VIT_B:-build/release}" bin libvit.a libvit.so.* -type f -newer "$root/mark")
[ -z "$written" ] || fail "installing what is built already writes $written"
grep -qx 'libdir=${prefix}/lib/some-linux' "$root/a stage/usr/lib/some-linux/pkgconfig/vit.pc" ||
    fail "vit.pc does not name the library folder"
# The texts of a program that cannot run here are another's.
printf '#!/bin/sh\necho "another says $*"\n' >"$root/another"
chmod +x "$root/another"
run_blank HOST_VIT="$root/another" install || { cat "$root/log"; fail "make install HOST_VIT=PROGRAM"; }
for text in man/man1/vit.1 bash-completion/completions/vit zsh/site-functions/_vit fish/vendor_completions.d/vit.fish; do
    grep -q '^another says help --' "$root/a stage/usr/share/$text" || fail "$text is not what HOST_VIT says"
done
run_blank uninstall
left=$(find "$root/a stage" ! -type d)
[ -z "$left" ] || fail "left after uninstall: $left"
[ "$(cat "$root/a/precious" "$root/a/include/libvit/precious" | uniq)" = kept ] || fail "make uninstall took what is not its own"
echo "installed, compiled, run, uninstalled"
