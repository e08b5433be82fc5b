#!/bin/sh
# Does a browser show what vit report writes? check-report.sh VIT: a page of made-up runs in headless Chromium, at
# the width of a phone and of a desk, and one of its figures as a file of its own: the figures are there, nothing
# overflows, nothing is loaded, and the browser has nothing to complain of. Without Chromium it says so and is done.
#
# CHROMIUM: the browser to use. CHECK_SECONDS: the most it may take for a page (default 600).
set -u
export LC_ALL=C # awk of a locale with a decimal comma reads and writes commas

vit=$1
browser=${CHROMIUM:-}
for name in chromium chromium-browser google-chrome; do
    [ -n "$browser" ] || browser=$(command -v $name) || browser=
done
[ -n "$browser" ] || { echo "check-report: no Chromium here, the page was not opened" >&2; exit 0; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
. tools/limit.sh

# Two arms, three rates, two seeds; post dies at one rate and diverges at the next, and a run of pre has not learnt:
# all columns that the table of arms can have.
runs() {
    for norm in pre post; do for lr in 0.0003 0.001 0.003; do for seed in 0 1; do
        echo "$norm $lr $seed"
    done; done; done
}
make_runs() { # FOLDER EPOCHS
    mkdir -p "$1/cells/pre-0.0003-0" || exit
    echo '{}' >"$1/sweep.json"
    echo '{"classes":10}' >"$1/cells/pre-0.0003-0/config.json"
    runs | awk -v folder="$1" -v count="$2" '{
        status = $1 == "pre" || $2 < 0.001 ? "done" : $2 < 0.002 ? "dead" : "diverged"
        head = sprintf("{\"cell\":\"%s-%s-%s\",\"norm\":\"%s\",\"depth\":12,\"lr\":%s,\"warmup\":0,\"init\":\"xavier\",\"seed\":%s",
            $1, $2, $3, $1, $2, $3)
        top1 = status == "done" && $2 + $3 < 1.003 ? 0.5 + $2 * 20 + $3 / 100 : 0.1
        printf "%s,\"epochs\":%d,\"status\":\"%s\",\"plateau_step\":%s,",
            head, count, status, status == "done" ? 90 : "null" > (folder "/cells.jsonl")
        printf "\"val_top1\":%s,\"val_n\":5000,\"test_top1\":%s,\"test_n\":10000}\n",
            top1, top1 > (folder "/cells.jsonl")
        for (e = 1; e <= count; e++)
            printf "%s,\"epoch\":%d,\"step\":%d,\"train_loss\":%s,\"val_loss\":%s,\"val_top1\":%s,\"grad_norm\":1}\n",
                head, e, 100 * e, status == "done" ? 2.3 / e : 2.3, 2.3, top1 * e / count > (folder "/epochs.jsonl")
    }'
}
make_runs "$work/three" 3
make_runs "$work/one" 1
awk 'BEGIN { for (i = 0; i < 12; i++) for (n = 0; n < 2; n++)
    printf "{\"norm\":\"%s\",\"init\":\"xavier\",\"depth\":12,\"seed\":0,\"block\":%d,\"grad_w2\":%s,\"stream_rms\":%s,\"branch_share\":0.5,\"token_cosine\":%s,\"step_change\":0.2,\"entropy\":0.9}\n",
        n ? "post" : "pre", i, 1 / (i + 1), n ? 1 : 1 + i / 4, i / 12 }' >"$work/three/probe.jsonl"

# The page judges itself: a copy with a script at its end writes what it found where --dump-dom shows it. A plot
# without a marker or a line of some length is bare; a table of which a part is out of sight is cut.
judged() { # FOLDER
    "$vit" report "$1" -o "$work/report.html" || exit
    sed 's|</body>|<script>addEventListener("load", function () {\
    var plots = document.querySelectorAll("figure svg.plot"), flat = 0, bare = 0, cut = 0;\
    plots.forEach(function (p) {\
        var shown = 0;\
        if (p.getBoundingClientRect().height < 100) flat++;\
        p.querySelectorAll(".line, .mark, .hollow").forEach(function (e) {\
            if (e.getTotalLength() > 0) shown++;\
        });\
        if (!shown) bare++;\
    });\
    document.querySelectorAll(".wide").forEach(function (e) { if (e.scrollWidth > e.clientWidth) cut++; });\
    document.title = "plots " + plots.length + " flat " + flat + " bare " + bare + " cut " + cut +\
        " wider " + (document.documentElement.scrollWidth > innerWidth) +\
        " loaded " + performance.getEntriesByType("resource").filter(function (e) {\
            return e.name.slice(0, 5) !== "data:"; }).length;\
});</script></body>|' "$work/report.html"
}
judged "$work/three" >"$work/judged.html"
judged "$work/one" >"$work/once.html"

failed=

# What the page WHAT (.html) says of itself at a width; it must be EXPECTED.
judge() { # WHAT WIDTH EXPECTED
    limited "${CHECK_SECONDS:-600}" "$browser" --headless --no-sandbox --disable-gpu --no-first-run --disable-extensions \
        --disable-background-networking --disable-component-update --disable-dev-shm-usage --in-process-gpu \
        --no-zygote --user-data-dir="$work/profile" --window-size=$2,1200 --enable-logging=stderr --dump-dom \
        "file://$work/$1.html" >"$work/dom" 2>"$work/log"
    code=$?
    found=$(sed -n 's|.*<title>\(plots [^<]*\)</title>.*|\1|p' "$work/dom" | head -n 1)
    echo "check-report: $1, $2 pixels wide: ${found:-the browser showed nothing (exit code $code)}"
    [ "$found" = "$3" ] || { echo "check-report: expected $3"; failed=1; }
    grep CONSOLE "$work/log" && failed=1
}

judge judged 390 "plots 13 flat 0 bare 0 cut 2 wider false loaded 0" # a phone scrolls its tables
judge judged 1400 "plots 13 flat 0 bare 0 cut 0 wider false loaded 0"
judge once 1400 "plots 7 flat 0 bare 0 cut 0 wider false loaded 0"

# The figure as a reader's page has it: as a picture, which gets its size, and in place, where its parts can be
# measured. All of them must lie on its ground.
"$vit" report "$work/three" --figure learning-rate -o "$work/figure.svg" || exit
{
    echo '<!DOCTYPE html><html><head><title></title></head><body style="margin:0"><img src="figure.svg" style="width:100%"/>'
    cat "$work/figure.svg"
    echo '<script>addEventListener("load", function () {
    var svg = document.querySelector("svg"), ground = svg.querySelector(".ground").getBoundingClientRect();
    var image = document.querySelector("img"), out = 0;
    svg.querySelectorAll("text, path, rect").forEach(function (e) {
        var r = e.getBoundingClientRect();
        if (!e.closest("clipPath") && (r.left < ground.left || r.right > ground.right || r.top < ground.top || r.bottom > ground.bottom)) out++;
    });
    document.title = "plots " + svg.querySelectorAll(".plot").length + " outside " + out + " picture " +
        (image.naturalWidth == ground.width && image.naturalHeight == ground.height);
});</script></body></html>'
} >"$work/figure.html"
judge figure 1400 "plots 1 outside 0 picture true"

[ -z "$failed" ] && exit 0
echo "FAILED: see what was expected above; plots must not be flat or bare, no table cut on a desk, nothing wider"
echo "than the window or off its ground, nothing loaded, no word on the console"
exit 1
