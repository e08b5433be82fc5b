#!/bin/sh
# Line coverage of the library and the program after make MODE=cover test: cover.sh BUILD-FOLDER.
#
# The raw figures of gcov, by file and by folder. A header that several files compile counts where most of it ran.
set -u

build=$1
command -v gcov >/dev/null 2>&1 || { echo "cover: no gcov" >&2; exit 1; }
for folder in vit patch weights kernels tools; do
    for data in "$build/$folder"/*.gcda; do
        [ -f "$data" ] && gcov -n "$data" 2>/dev/null
    done
done | awk -F"'" '
    /^File / { file = $2 }
    /^Lines executed:/ && file ~ /^(vit|patch|weights|kernels|tools)\// {
        split($0, part, /[:% ]+/)
        lines = part[length(part)]
        hit = part[3] * lines / 100
        if (hit >= most[file]) { most[file] = hit; of[file] = lines }
        file = ""
    }
    END {
        for (file in of) {
            split(file, part, "/")
            folder = part[1]
            all[folder] += of[file]
            run[folder] += most[file]
            printf "%6.1f %% of %4d  %s\n", 100 * most[file] / of[file], of[file], file | "sort -k4"
        }
        close("sort -k4")
        for (folder in all) {
            printf "%6.1f %% of %5d lines  %s/\n", 100 * run[folder] / all[folder], all[folder], folder
            total += all[folder]; ran += run[folder]
        }
        if (total) printf "%6.1f %% of %5d lines in all\n", 100 * ran / total, total
        exit !total
    }'
