/* vit report: what sweep, train, probe and compare left in folders, as one page. */
#include <stdlib.h>

#include "tools/cmd.h"
#include "tools/report.h"

struct options {
    struct cmd_common common;
    const char *out, *title;
};

#define AT(field) offsetof(struct options, field)
static const struct args_option ROWS[] = {
    { .name = "out",
      .letter = 'o',
      .kind = ARGS_PATH,
      .at = AT(out),
      .metavar = "FILE.html",
      .help = "the page; - writes it to standard output" },
    { .name = "title",
      .kind = ARGS_TEXT,
      .at = AT(title),
      .metavar = "TEXT",
      .otherwise = "what is compared",
      .help = "headline of the page" },
    { .name = "quiet", .letter = 'q', .kind = ARGS_FLAG, .at = AT(common.quiet), .help = "no progress" },
    { .name = "help", .letter = 'h', .kind = ARGS_FLAG, .at = AT(common.help), .help = "explain this verb" },
};
static const struct args_group OWN = { "Options", ROWS, VIT_COUNT(ROWS) };
static const struct args_group *const GROUPS[] = { &OWN, NULL };

/* The page in memory, then as a whole where it belongs. Returns an exit code. */
static int write_page(const struct report *r, const struct options *o)
{
    char *bytes = NULL;
    size_t size = 0;
    FILE *page = open_memstream(&bytes, &size);
    bool whole = page && report_page(page, r, o->title);
    struct vit_error err = { .text = "no memory for the page" };
    int code = CMD_SOME_FAILED;

    if (page && fclose(page)) whole = false;
    if (whole && strcmp(o->out, "-") == 0) {
        fwrite(bytes, 1, size, stdout);
        code = CMD_DONE;
    } else if (whole && !weights_write_bytes(o->out, bytes, size, &err)) {
        cmd_note(&o->common, "%s: %zu bytes", o->out, size);
        code = CMD_DONE;
    } else {
        cmd_error("%s", err.text);
    }
    free(bytes);
    return code;
}

static int run(const void *options, int count, char **operands)
{
    const struct options *o = options;
    struct report r = { 0 };
    struct vit_error err;
    enum vit_status status = VIT_OK;
    int code = CMD_UNUSABLE;

    if (!count) return cmd_usage(&cmd_report, "expected folders of vit sweep or vit train, found none");
    if (!o->out) return cmd_usage(&cmd_report, "--out: expected a file for the page, found none");
    for (int i = 0; i < count && !status; i++) status = report_read(&r, operands[i], &err);
    if (!status) status = report_arrange(&r, &err);
    if (status)
        cmd_error("%s", err.text);
    else
        code = write_page(&r, o);
    report_free(&r);
    return code;
}

const struct args_verb cmd_report = {
    .name = "report",
    .operands = "DIR... -o report.html",
    .summary = "Show what sweep, train, probe and compare found, as one page",
    .details =
        "DIR is a folder of vit sweep (sweep.json, cells.jsonl, epochs.jsonl) or of vit train (log.jsonl), "
        "perhaps "
        "with probe.jsonl (vit probe --json) and compare.json (vit compare --json) in it; such files may "
        "also be "
        "given by themselves. A sweep that is still running is shown as far as it came.\n\n"
        "The page has accuracy against learning rate with every run that was lost, the arms in numbers with "
        "intervals, curves, diagnostics by block and depth, the comparison in words, what was not tested, "
        "and the "
        "commands that make it all again. It is one file that loads nothing: HTML with its style and "
        "drawings inside, "
        "light or dark as the reader prefers, readable on a phone and in print. Equal input gives an equal "
        "page.\n\n"
        "Exit codes: 0 done, 1 the page could not be written, 2 wrong usage, 3 an input is unusable.",
    .groups = GROUPS,
    .bytes = sizeof(struct options),
    .run = run,
};
