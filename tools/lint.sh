#!/bin/sh
# The rules a compiler does not check: lint.sh BUILD-FOLDER HEADER... (with the objects built; the headers that are
# installed). Prints file:line: what. Environment: STB (folder of the stb headers).
#
# A function may be longer than MAX_LINES when it is a flat table or switch and says so in a comment:
# "lint: flat".
set -u

build=$1
shift
installed=$*
MAX_LINES=60 MAX_COLUMNS=110
LIBRARY='vit kernels patch weights'
FOLDERS="$LIBRARY tools tests/support tests/vit tests/kernels tests/patch tests/weights tests/tools tests/fuzz"
found=$(mktemp) || exit 1
trap 'rm -f "$found"' EXIT
trap 'exit 130' INT TERM

sources() { # FOLDER...
    for folder; do
        for file in "$folder"/*.[ch]; do [ -f "$file" ] && echo "$file"; done
    done
}

# ---- who may include whom ----
BASE='vit/(base|arena|random|json|pickle|sink|source|text|thread)\.h'
allowed() { # FILE: an expression for the headers it may include
    case $1 in
    patch/stem*) echo "(patch/|kernels/kern\\.h|$BASE)" ;;
    kernels/* | patch/* | weights/*) echo "(${1%%/*}/|$BASE)" ;;
    vit/*) echo '((vit|kernels|weights)/|patch/(patch|stem)\.h)' ;;
    *) echo '' ;;
    esac
}
# From the root, but in what is installed from where it lies: who includes it may have headers of the same names.
included() { # FILE: line:header
    from=
    case " $installed " in *" $1 "*) from=${1%%/*}/ ;; esac
    grep -n '^ *# *include *"' "$1" | sed "s,:.*\"\(.*\)\".*,:$from\1,; s,[a-z]*/\.\./,,"
}
for file in $(sources $LIBRARY); do
    included "$file" | grep -vE ":$(allowed "$file")[^/]*$" |
        sed "s,^\([0-9]*\):\(.*\),$file:\1: may not include \"\2\"," >>"$found"
done
for file in $installed; do
    grep -m 1 '^#ifndef' "$file" | grep -q ' VIT_' ||
        echo "$file: the guard of a header that is installed begins with VIT_" >>"$found"
done

# ---- global symbols carry the prefix of their folder; in tools/ of their file ----
prefix() {
    case $1 in
    kernels/*) echo kern_ ;;
    tools/main.c) echo 'main$' ;;
    tools/*) name=${1#tools/} name=${name%.c}; echo "${name%%_*}_" ;;
    *) echo "${1%%/*}_" ;;
    esac
}
for file in $(sources $LIBRARY tools); do
    object=$build/${file%.c}.o
    [ "${file%.c}" != "$file" ] && [ -f "$object" ] || continue
    nm -g --defined-only "$object" | awk 'NF == 3 { print $3 }' | grep -vE "^$(prefix "$file")" |
        sed "s,^,$file: the symbol is global without the prefix of its place: ," >>"$found"
done
for library in "$build"/libvit.so.*; do
    [ -f "$library" ] || continue
    nm -D --defined-only "$library" | awk '$2 ~ /[TDBRV]/ { print $3 }' | grep -v '^vit_' |
        sed "s,^,libvit.so: exports what is not vit_: ," >>"$found"
done

# ---- the library prints nothing and ends no program ----
for file in $(sources $LIBRARY); do
    object=$build/${file%.c}.o
    [ "${file%.c}" != "$file" ] && [ -f "$object" ] || continue
    nm -u "$object" | awk '{ print $2 }' |
        grep -xE '(__)?v?f?printf(_chk)?|puts|putchar|perror|stdout|stderr|exit|_exit|quick_exit|abort' |
        sed "s,^,$file: the library may not use ," >>"$found"
done

# ---- who reads what strangers made is in tools/parsers.txt ----
reads='\<(vit_json_(read|read_input|parse|get|int|float|bool|string|floats)|weights_open)\('
for file in $(sources $LIBRARY tools | grep '\.c$' | xargs grep -lE "$reads"); do
    grep -qE "^(# but )?$file(:|\$)" tools/parsers.txt ||
        echo "$file: reads JSON or tensors, expected in tools/parsers.txt or as one of its exceptions" >>"$found"
done

# ---- length of functions and lines ----
for file in $(sources $FOLDERS); do
    awk -v max=$MAX_LINES -v columns=$MAX_COLUMNS '
        length($0) > columns { print FILENAME ":" FNR ": " length($0) " columns, at most " columns }
        /[ \t]$/ { print FILENAME ":" FNR ": ends with a blank" }
        /^\{$/ { start = FNR; flat = before ~ /lint: flat/ }
        /lint: flat/ { flat = 1 }
        /^\}$/ && start {
            if (FNR - start - 1 > max && !flat)
                print FILENAME ":" start ": a function of " FNR - start - 1 " lines, at most " max
            start = 0
        }
        { before = before_last " " $0; before_last = $0 }' "$file" >>"$found"
done

# ---- format and static analysis, where the tools are, on every core: a file has nothing to do with another ----
cores=$(getconf _NPROCESSORS_ONLN)
if command -v clang-format >/dev/null 2>&1; then
    sources $FOLDERS | xargs -P "$cores" -n 16 clang-format --dry-run -Werror 2>&1 | grep -E '(error|warning):' >>"$found"
else
    echo "lint: no clang-format, format not checked" >&2
fi
if command -v cppcheck >/dev/null 2>&1; then
    # Left out is what it gets wrong about C that is right: addresses of arrays as uninitialised values,
    # values a loop cannot reach, two dimensions that start equal.
    cppcheck --quiet -j "$cores" --enable=warning,portability --inline-suppr --std=c11 -I . --suppress=missingInclude \
        --suppress=internalAstError --suppress=uninitvar --suppress=invalidFunctionArg \
        --suppress=duplicateAssignExpression --template='{file}:{line}: {message} ({id})' \
        $LIBRARY tools 2>>"$found"
else
    echo "lint: no cppcheck, not run" >&2
fi
if command -v musl-gcc >/dev/null 2>&1; then
    # What another C library has not. Headers of others are the system's; kernels/ would want flags for their CPUs.
    system="-idirafter /usr/include/$(gcc -print-multiarch) -idirafter /usr/include -isystem ${STB:-/usr/include/stb}"
    # shellcheck disable=SC2086  # a list of flags
    sources vit patch weights tools | grep '\.c$' |
        xargs -P "$cores" -n 16 musl-gcc -std=c11 -D_GNU_SOURCE -I. $system -DVIT_BLAS=0 -DVIT_JPEG=0 -fopenmp \
            -Werror=implicit-function-declaration -fsyntax-only 2>&1 | grep 'error:' >>"$found"
else
    echo "lint: no musl-gcc, its C library not tried" >&2
fi
if command -v shellcheck >/dev/null 2>&1; then
    shellcheck -S warning -f gcc tools/*.sh tests/cli/*.sh .ci/run >>"$found"
else
    echo "lint: no shellcheck, scripts not checked" >&2
fi

[ ! -s "$found" ] && exit 0
sort "$found"
echo "lint: $(wc -l <"$found") findings" >&2
exit 1
