#!/bin/sh
# Static analysis beyond make lint: analyze.sh COMPILER-FLAGS... Prints file:line: what; fails when there is anything.
#
#   gcc -fanalyzer   on the parsers of tools/parsers.txt, which read what strangers made, and the writers
#   clang-tidy       bugprone-* and cert-* as .clang-tidy chooses them
#   cppcheck         with its slower checks
# Each where it is installed; what is not there is named.
set -u

PARSERS="$(grep '\.c$' tools/parsers.txt) weights/writer.c vit/sink.c"
ALL=$(ls vit/*.c patch/*.c weights/*.c tools/*.c)
# What gcc 12 gets wrong, as far as its messages and a look at some of them tell: values of a pickle belong to it
# until it is closed; a sink that was opened has its stream, a value that was made its place (gcc does not see that
# vit_fail never returns VIT_OK); a preset's line is a constant of name=value; labels belong to the model, names and
# values to their list; a stream in memory has its text when it is closed; a choice has been checked; a number below
# 0 is refused before its end is read; a file of some size has its bytes; a family that was recognised has its
# prefix; what stb_image_write allocates is in a list, with its neighbours, until it is freed.
KNOWN='vit/pickle_stack\.h:.*(malloc-leak|null-dereference)|(vit/sink|weights/(writer|file|open))\.c:.*null-argument|weights/names\.c:.*null-(argument|dereference)|patch/stb\.c:.*(uninitialized|malloc-leak)|tools/recipe\.c:.*null-dereference|vit/labels\.c:.*malloc-leak'
KNOWN="$KNOWN|(patch/names|tools/recipe_lists)\.c:.*malloc-leak|tools/(lines|sweep_folder)\.c:.*null-argument"
KNOWN="$KNOWN|tools/recipe_model\.c:.*null-(argument|dereference)"
found=$(mktemp) || exit 1
trap 'rm -f "$found"' EXIT
trap 'exit 130' INT TERM

if "${GCC:-gcc}" --version 2>/dev/null | grep -q 'Free Software'; then
    for file in $PARSERS; do
        # Files, not descriptors: gcc 12 loses a descriptor that a function hands on.
        "${GCC:-gcc}" "$@" -O1 -fanalyzer -Wno-analyzer-fd-leak -Wno-analyzer-too-complex -c "$file" -o /dev/null 2>&1 |
            grep -E 'warning: .*-Wanalyzer' | grep -vE "$KNOWN" >>"$found"
    done
else
    echo "analyze: no gcc, -fanalyzer not run" >&2
fi
if command -v clang-tidy >/dev/null 2>&1; then
    for file in $ALL; do
        # stb.c is another project's code in one file.
        [ "$file" = patch/stb.c ] && continue
        clang-tidy --quiet "$file" -- "$@" 2>/dev/null | grep -E '(warning|error): ' >>"$found"
    done
else
    echo "analyze: no clang-tidy, not run" >&2
fi
if command -v cppcheck >/dev/null 2>&1; then
    cppcheck --quiet --enable=warning,portability,performance --inconclusive --inline-suppr --std=c11 -I . \
        --suppress=missingInclude --suppress=internalAstError --suppress=uninitvar \
        --suppress=invalidFunctionArg --suppress=duplicateAssignExpression \
        --template='{file}:{line}: {message} ({id})' vit patch weights tools 2>>"$found"
else
    echo "analyze: no cppcheck, not run" >&2
fi

[ ! -s "$found" ] && exit 0
sort -u "$found"
echo "analyze: $(sort -u "$found" | wc -l) findings" >&2
exit 1
