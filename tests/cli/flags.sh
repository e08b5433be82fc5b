#!/bin/sh
# What a packager says is heard: CPPFLAGS, CFLAGS and LDFLAGS reach the compiler, the last word is theirs, an object is
# made anew when they change; AR and PKG_CONFIG may be others; a package that is missing is named before anything is
# compiled; values that there are not are refused; and the program holds no path of the machine it was built on.
set -eu

[ "${VIT_MODE:-release}" = release ] || { echo "a packager's flags are tested in release mode only, skipped"; exit 0; }
CC=${CC:-cc}
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
fail() { echo "FAILED: $*"; exit 1; }
run_make() { env -u MAKEFLAGS -u MFLAGS make -s DEPS=no CC="$CC" V=1 B="$root" "$@"; }

# What make would run for an object, one word a line, in the order given.
words() { # OBJECT VARIABLE...
    object=$1; shift
    run_make -n -W "$root/flags" "$@" "$root/$object" | grep -e " -c " | tr ' ' '\n'
}

words vit/base.o CPPFLAGS=-DGIVEN_PP CFLAGS='-O2 -D_FORTIFY_SOURCE=3' LDFLAGS=-Wl,-z,nodlopen >"$root/words"
grep -qx -e -DGIVEN_PP "$root/words" || fail "CPPFLAGS is not heard"
[ "$(grep -e '^-O' "$root/words" | tail -1)" = -O2 ] || fail "CFLAGS do not have the last word"
[ "$(grep -c -e '^-D_FORTIFY_SOURCE' "$root/words")" = 1 ] && grep -qx -e -D_FORTIFY_SOURCE=3 "$root/words" ||
    fail "the packager's _FORTIFY_SOURCE is not the only one: $(grep _FORTIFY "$root/words")"
words vit/base.o >"$root/words"
grep -qx -e -D_FORTIFY_SOURCE=2 "$root/words" || fail "by itself the release is not fortified"
words kernels/avx2.o >"$root/words"
! grep -q -e _FORTIFY_SOURCE "$root/words" || fail "kernels are fortified"

# A macro whose value has quotes, as some systems give.
given='-O1 -DNAME="a b"'
run_make CFLAGS="$given" "$root/vit/base.o" >"$root/log" 2>&1 || { cat "$root/log"; fail "a macro with quotes"; }
again() { touch "$root/mark"; run_make "$@" "$root/vit/base.o" >"$root/log"; find "$root/vit/base.o" -newer "$root/mark" | grep -q .; }
! again CFLAGS="$given" || fail "the same flags make an object anew"
again CFLAGS="$given" CPPFLAGS=-DX || fail "other CPPFLAGS do not make an object anew"
again CFLAGS="$given" CPPFLAGS=-DX LDFLAGS=-Wl,-O1 || fail "other LDFLAGS link nothing anew"

words tools/cmd_version.o CFLAGS="-g -ffile-prefix-map=/the/folder=. -O2" >"$root/words"
! grep -e VIT_BUILD_FLAGS -A 30 "$root/words" | grep -q -e '=/the/folder' ||
    fail "the program would hold the folder it was built in"

# What is no value of a variable is refused, not taken for another.
for wrong in MODE=Release BLAS=no JPEG=yes SAMPLES=none; do
    ! run_make "$wrong" help >"$root/log" 2>&1 &&
        grep -q "${wrong%=*}: expected .*, found \"${wrong#*=}\"" "$root/log" || fail "$wrong is not refused"
done

# What the linker takes from the whole program where one object does not say it, that of the networks says too. It is
# no object of the link's, which sees no symbols of assembly.
words weights/embedded.o CFLAGS=-flto >"$root/words"
[ "$(grep -e '^-f.*lto$' "$root/words" | tail -1)" = -fno-lto ] || fail "the networks are left to the link"
case $($CC -dumpmachine) in
x86_64-*linux*)
    run_make CFLAGS=-fcf-protection=full "$root/weights/embedded.o" >"$root/log"
    readelf -nW "$root/weights/embedded.o" | grep -q 'IBT, SHSTK' || fail "the networks' object does not say what CET asks"
    ;;
esac

# The tools of another CPU.
cat >"$root/pkg" <<'END'
#!/bin/sh
case $* in *--cflags*) echo -DOF_ANOTHER ;; esac
END
chmod +x "$root/pkg"
words vit/base.o PKG_CONFIG="$root/pkg" >"$root/words"
grep -qx -e -DOF_ANOTHER "$root/words" || fail "PKG_CONFIG is not heard"
run_make -n AR=another-ar "$root/libvit.a" "$root/tests/support.a" "$root/tools/parts.a" >"$root/log"
[ "$(grep -c '^another-ar rcs' "$root/log")" = 3 ] || fail "AR is not heard"

# One package that is known, and one that is not.
mkdir "$root/pc"
printf 'Name: libzip\nDescription: archives\nVersion: 1\n' >"$root/pc/libzip.pc"
without() { (export PKG_CONFIG_PATH="" PKG_CONFIG_LIBDIR="$root/pc" && run_make BLAS=0 JPEG=0 "$@") >"$root/log" 2>&1; }
! without "$root/vit/arena.o" || fail "a package is missing, and nothing said"
grep -q jansson "$root/log" && [ ! -e "$root/vit/arena.o" ] || { cat "$root/log"; fail "jansson is not named first"; }
without help || { cat "$root/log"; fail "a package is missing for make help"; }

# What the library lacks is found where it is linked; a sanitizer's functions come with the program.
linked() { run_make -n "$@" libvit.so | grep -e ' -shared '; }
linked | grep -q -e '-Wl,-z,defs' || fail "the library may lack functions"
! linked MODE=asan | grep -q -e '-Wl,-z,defs' || fail "a sanitizer's functions are missed in the library"
echo "heard, in order, and nothing stays old"
