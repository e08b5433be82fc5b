#!/bin/sh
# The page, the picture and the tables of the experiment, as the program makes them today: docs-norm.sh VIT [--check].
#
# The documents say themselves how they are made: every line "    cd docs/norm && vit report ..." in them is run.
# One with "-o FILE" makes that file. The others stand at the end of a block of these documents,
#
#     <!-- made by make docs-norm -->
#     ...
#         cd docs/norm && vit report ...
#     <!-- end -->
#
# and what they print is what the block holds. --check changes nothing: it fails where anything is not as it would be.
set -eu

DOCUMENTS='README.md docs/norm-placement.md'
START='<!-- made by make docs-norm -->' END='<!-- end -->'
vit=$(cd "$(dirname "$1")" && pwd)/$(basename "$1") check=${2:-}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# A copy, in which the program's name means the program.
mkdir "$work/docs" "$work/bin"
cp -r docs/norm "$work/docs"
for file in $DOCUMENTS; do cp "$file" "$work/$file"; done
ln -s "$vit" "$work/bin/vit"

run() { # COMMAND: one that only reports
    case $1 in
    *[!A-Za-z0-9\ ./_=\&-]*) echo "docs-norm: not a plain command: $1" >&2; exit 1 ;;
    esac
    (cd "$work" && PATH=$work/bin:$PATH && export PATH && sh -c "$1")
}

commands() { # FILE: the commands in it
    sed -n 's/^    \(cd docs\/norm && vit report .*\)/\1/p' "$1"
}

for file in $DOCUMENTS; do
    commands "$work/$file" >"$work/commands"
    : >"$work/tables"
    while read -r command; do
        case $command in
        *' -o '*) run "$command -q" ;;
        *) run "$command" >"$work/table" && { cat "$work/table"; echo "$START"; } >>"$work/tables" ;;
        esac || { echo "docs-norm: $file: failed: $command" >&2; exit 1; }
    done <"$work/commands"
    # Block i holds what the i-th of these commands printed.
    awk -v start="$START" -v end="$END" -v tables="$work/tables" '
        $0 == start { inside = 1; print; print ""; next }
        /^    cd docs\/norm && vit report / && (inside == / -o /) { bad = 1 }
        inside && /^    cd docs\/norm && vit report / {
            while ((getline line < tables) > 0 && line != start) print line
            print ""; print; printed++
        }
        $0 == end { if (inside && !printed) bad = 1; inside = printed = 0 }
        !inside { print }
        END { exit inside || bad }' "$work/$file" >"$work/new" ||
        { echo "docs-norm: $file: a block without an end or a command, or a table outside of one" >&2; exit 1; }
    mv "$work/new" "$work/$file"
done

stale=0
for file in $DOCUMENTS docs/norm/report.html docs/norm/learning-rate.svg; do
    cmp -s "$file" "$work/$file" && continue
    if [ "$check" = --check ]; then
        echo "$file is not as vit report makes it: make docs-norm"
        diff "$file" "$work/$file" | cut -c 1-200 | head -n 20
        stale=1
    else
        cp "$work/$file" "$file"
        echo "$file"
    fi
done
exit $stale
