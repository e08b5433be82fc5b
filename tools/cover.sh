#!/bin/sh
# Line coverage of the library and the program after make MODE=cover test: cover.sh BUILD-FOLDER.
#
# The raw figures of gcov, by file and by folder. A header that several files compile counts where most of it ran.
# The processes of the sandbox end without writing their counters: patch/keeper.c and patch/confine.c say 0.
# Fails when less than 90 % of the library's lines are run, or less than 95 % of a file of tools/parsers.txt.
set -u
export LC_ALL=C # awk of a locale with a decimal comma reads and writes commas

build=$1
command -v gcov >/dev/null 2>&1 || { echo "cover: no gcov" >&2; exit 1; }
for folder in vit patch weights kernels tools; do
    for data in "$build/$folder"/*.gcda; do
        [ -f "$data" ] && gcov -n "$data" 2>/dev/null
    done
done | awk -F"'" -v library=90 -v parser=95 '
    NR == FNR { if ($0 !~ /^#/) { parsers[$0] = 1; order[++count] = $0 } next }
    /^File / { file = $2 }
    /^Lines executed:/ && file ~ /^(vit|patch|weights|kernels|tools)\// {
        split($0, part, /[:% ]+/)
        lines = part[length(part)]
        hit = part[3] * lines / 100
        if (hit >= most[file]) { most[file] = hit; of[file] = lines }
        file = ""
    }
    function failed(what, share, least) {
        printf "cover: %s: %.1f %% of the lines are run, expected at least %d\n", what, share, least > "/dev/stderr"
        bad = 1
    }
    END {
        for (file in of) {
            split(file, part, "/")
            folder = part[1]
            all[folder] += of[file]
            run[folder] += most[file]
            printf "%6.1f %% of %4d  %s%s\n", 100 * most[file] / of[file], of[file], file,
                   file in parsers ? " (parser)" : "" | "sort -k5"
        }
        close("sort -k5")
        for (folder in all) {
            printf "%6.1f %% of %5d lines  %s/\n", 100 * run[folder] / all[folder], all[folder], folder
            total += all[folder]; ran += run[folder]
        }
        if (!total) { print "cover: nothing was run" > "/dev/stderr"; exit 1 }
        of_library = total - all["tools"]
        share = 100 * (ran - run["tools"]) / of_library
        printf "%6.1f %% of %5d lines in the library\n%6.1f %% of %5d lines in all\n", share, of_library,
               100 * ran / total, total
        if (share < library) failed("the library", share, library)
        for (i = 1; i <= count; i++) {
            file = order[i]
            share = file in of ? 100 * most[file] / of[file] : 0
            if (share < parser) failed(file, share, parser)
        }
        exit bad
    }' tools/parsers.txt -
