#!/bin/sh
# Make sure of the packages vit is built from. Does nothing, and touches no network, when all are there.
#
#   tools/install-deps.sh             what the program needs
#   tools/install-deps.sh --test      and what its tests need
#   tools/install-deps.sh --fuzz      and what the fuzzers need
#   tools/install-deps.sh --tsan      and what the thread sanitizer needs
#   tools/install-deps.sh --dry-run   only say what would be installed
#
# Environment: CC, PKG_CONFIG, STB (folder of the stb headers), BLAS=0 and JPEG=0 leave OpenBLAS and libjpeg out.
set -eu

CC=${CC:-cc} PKG_CONFIG=${PKG_CONFIG:-pkg-config} STB=${STB:-/usr/include/stb} BLAS=${BLAS:-1} JPEG=${JPEG:-1}
tests=0 fuzz=0 tsan=0 dry=0
for word in "$@"; do
    case $word in
    --test) tests=1 ;;
    --fuzz) fuzz=1 ;;
    --tsan) tsan=1 ;;
    --dry-run) dry=1 ;;
    *) echo "install-deps: unknown option $word; known: --test --fuzz --tsan --dry-run" >&2; exit 2 ;;
    esac
done

has_command() { command -v "$1" >/dev/null 2>&1; }
has_library() { $PKG_CONFIG --exists "$1" 2>/dev/null; }
# CC may be two words, as in "ccache gcc".
has_compiler() { echo '#include <stdio.h>' | $CC -E - >/dev/null 2>&1; }
# clang, its libFuzzer and its omp.h: they come apart.
has_fuzzer() {
    has_command "${FUZZ_CC:-clang}" &&
        printf '#include <omp.h>\nint LLVMFuzzerTestOneInput(const char *d, long n);\nint LLVMFuzzerTestOneInput(const char *d, long n) { return d && n < 0; }\n' |
        "${FUZZ_CC:-clang}" -fsanitize=fuzzer,address,undefined -x c - -o /dev/null >/dev/null 2>&1
}
# clang, its thread sanitizer and its OpenMP.
has_tsan() {
    has_command "${TSAN_CC:-clang}" &&
        printf '#include <omp.h>\nint main(void) { return omp_get_max_threads() < 0; }\n' |
        "${TSAN_CC:-clang}" -fopenmp -fsanitize=thread -x c - -o /dev/null >/dev/null 2>&1
}
# In STB, or where the compiler looks by itself (Alpine).
has_stb() { [ -f "$STB/stb_image.h" ] || echo '#include <stb_image.h>' | $CC -E - >/dev/null 2>&1; }

# One row a need: how it is recognised, then its package in apt, dnf, pacman, apk, brew (+ joins several; none:
# there is no such package).
needs() {
    echo "has_compiler gcc+libc6-dev gcc+glibc-devel gcc gcc+musl-dev+linux-headers gcc"
    echo "has_command:make make make make make make"
    echo "has_command:${PKG_CONFIG%% *} pkg-config pkgconf-pkg-config pkgconf pkgconf pkg-config"
    echo "has_stb libstb-dev stb-devel stb stb none"
    echo "has_library:jansson libjansson-dev jansson-devel jansson jansson-dev jansson"
    echo "has_library:libzip libzip-dev libzip-devel libzip libzip-dev libzip"
    [ "$JPEG" = 0 ] ||
        echo "has_library:libjpeg libjpeg-dev libjpeg-turbo-devel libjpeg-turbo libjpeg-turbo-dev jpeg-turbo"
    # The OpenMP build: one pool of threads for the program and for OpenBLAS.
    [ "$BLAS" = 0 ] ||
        echo "has_library:openblas libopenblas-openmp-dev openblas-devel openblas openblas-dev openblas"
    [ "$fuzz" = 0 ] ||
        echo "has_fuzzer clang+libclang-rt-dev+libomp-dev clang+compiler-rt+libomp-devel clang+compiler-rt+openmp clang+compiler-rt+openmp-dev llvm+libomp"
    [ "$tsan" = 0 ] ||
        echo "has_tsan clang+libclang-rt-dev+libomp-dev clang+compiler-rt+libomp-devel clang+compiler-rt+openmp clang+compiler-rt+openmp-dev llvm+libomp"
    [ "$tests" = 0 ] || echo "has_library:cmocka libcmocka-dev libcmocka-devel cmocka cmocka-dev cmocka"
}

manager=
for word in apt-get dnf pacman apk brew; do
    has_command $word && { manager=$word; break; }
done

packages=$(needs | while read -r probe apt dnf pacman apk brew; do
    function=${probe%%:*} argument=${probe#*:}
    if $function "$argument"; then continue; fi
    case $manager in
    apt-get) package=$apt ;;
    dnf) package=$dnf ;;
    pacman) package=$pacman ;;
    apk) package=$apk ;;
    brew) package=$brew ;;
    *) package=$apt ;; # only to be named below
    esac
    echo "$package" | tr + ' '
done | tr '\n' ' ')
[ -n "$packages" ] || exit 0

[ -n "$manager" ] && named= || named=", as Debian names them"
echo "vit: missing packages$named: $(echo "$packages" | sed 's/none /(stb) /')" >&2
[ "$dry" = 0 ] || exit 0
case " $packages" in
*" none "*)
    echo "vit: $manager has no stb: put stb_image.h and stb_image_write.h into a folder, then make STB=FOLDER" >&2
    exit 1 ;;
esac
[ -n "$manager" ] || {
    echo "vit: no known package manager (apt, dnf, pacman, apk, brew): install them by hand" >&2
    exit 1
}
root=
if [ "$(id -u)" != 0 ] && [ "$manager" != brew ]; then
    has_command sudo || { echo "vit: install them as root, then run make again" >&2; exit 1; }
    root=sudo
fi
case $manager in
apt-get)
    echo "vit: installing with apt-get" >&2
    $root apt-get update -q
    # shellcheck disable=SC2086  # a list of names
    $root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $packages
    ;;
dnf) echo "vit: installing with dnf" >&2; $root dnf install -y $packages ;;
pacman) echo "vit: installing with pacman" >&2; $root pacman -S --needed --noconfirm $packages ;;
apk) echo "vit: installing with apk" >&2; $root apk add $packages ;;
brew) echo "vit: installing with brew" >&2; brew install $packages ;;
esac
