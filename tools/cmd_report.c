/* vit report: what sweep, train, probe and compare left in folders, as one page. */
#include <stdlib.h>
#include <sys/stat.h>

#include "tools/cmd.h"
#include "tools/memory.h"
#include "tools/out.h"
#include "tools/report_figures.h"
#include "vit/json.h"
#include "vit/sink.h"

struct options {
    struct cmd_common common;
    const char *out, *figure, *table, *title;
};

static const char *figure_word(int i)
{
    const struct report_figure *f = report_figure_at((size_t)i);

    return f ? f->id : NULL;
}

static const char *table_word(int i)
{
    return report_table_name((size_t)i);
}

#define AT(field) offsetof(struct options, field)
static const struct args_option ROWS[] = {
    { .name = "out",
      .letter = 'o',
      .kind = ARGS_PATH,
      .at = AT(out),
      .metavar = "FILE",
      .otherwise = "standard output for a table, none for the rest",
      .help = "the page, with --figure the picture, with --table the table; - writes it to standard output" },
    { .name = "figure",
      .kind = ARGS_CHOICE,
      .at = AT(figure),
      .choice = figure_word,
      .metavar = "NAME",
      .otherwise = "the whole page",
      .help = "write this figure of the page alone, as an SVG file" },
    { .name = "table",
      .kind = ARGS_CHOICE,
      .at = AT(table),
      .choice = table_word,
      .metavar = "NAME",
      .otherwise = "the whole page",
      .help = "write this table alone, as markdown" },
    { .name = "json", .kind = ARGS_FLAG, .at = AT(common.json), .help = "the table as JSON" },
    { .name = "title",
      .kind = ARGS_TEXT,
      .at = AT(title),
      .metavar = "TEXT",
      .otherwise = "what is compared",
      .help = "headline of the page or the picture" },
};
static const struct args_group OWN = { "Options", ROWS, VIT_COUNT(ROWS) };
static const struct args_group *const GROUPS[] = { &OWN, &cmd_talk_group, NULL };

/* As markdown, or one line of JSON. */
static enum vit_status put_table(FILE *out, const struct report *r, const struct options *o,
                                 struct vit_error *err)
{
    json_t *table = NULL;
    char *text = NULL;
    enum vit_status status;

    if (!o->common.json) return report_table(out, r, o->table, err);
    status = report_table_json(&table, r, o->table, err);
    if (!status) text = vit_json_text(table, JSON_COMPACT);
    if (!status && !text) status = vit_fail(err, VIT_ERR_NOMEM, "no memory for a table");
    if (text) out_json_line(out, text);
    free(text);
    json_decref(table);
    return status;
}

static enum vit_status put(FILE *out, const struct report *r, const struct options *o, struct vit_error *err)
{
    if (o->figure) return report_svg(out, r, o->figure, o->title, err);
    if (o->table) return put_table(out, r, o, err);
    return report_page(out, r, o->title) ? VIT_OK : vit_fail(err, VIT_ERR_NOMEM, "no memory for the page");
}

static bool to_stdout(const struct options *o)
{
    return !o->out || strcmp(o->out, "-") == 0;
}

/* What is asked for in memory, then as a whole where it belongs. Returns an exit code. */
static int write_out(const struct report *r, const struct options *o)
{
    struct memory page;
    struct vit_error err;
    enum vit_status status = memory_open(&page) ? put(page.out, r, o, &err) : VIT_OK;
    const bool unusable = status == VIT_ERR_ARG;

    if (!memory_close(&page) && !status) status = vit_fail(&err, VIT_ERR_NOMEM, "no memory for the page");
    if (!status && to_stdout(o))
        fwrite(page.bytes, 1, page.size, stdout);
    else if (!status)
        status = vit_write_file(o->out, page.bytes, page.size, &err);
    if (status)
        cmd_error("%s", err.text);
    else if (!to_stdout(o))
        cmd_note(&o->common, "%s: %zu bytes", o->out, page.size);
    free(page.bytes);
    return !status ? CMD_DONE : unusable ? CMD_UNUSABLE : CMD_SOME_FAILED;
}

/* Runs that are read twice would count twice. What is not there is said when it is read. */
static int check_inputs(int count, char **operands)
{
    struct stat a, b;

    for (int i = 0; i < count; i++)
        for (int k = 0; k < i; k++)
            if (!stat(operands[i], &a) && !stat(operands[k], &b) && a.st_dev == b.st_dev &&
                a.st_ino == b.st_ino)
                return cmd_usage("%s and %s: expected different inputs, found one twice", operands[k],
                                 operands[i]);
    return CMD_DONE;
}

static int check_line(const struct options *o, int count, char **operands)
{
    const char *end = o->figure ? ".svg" : o->common.json ? ".json" : o->table ? ".md" : ".html";
    const struct cmd_output file = {
        .option = "--out", .path = to_stdout(o) ? NULL : o->out, .end = end, .text = o->table != NULL
    };
    int code;

    if (!count) return cmd_usage("expected folders of vit sweep or vit train, found none");
    if (o->figure && o->table) return cmd_usage("--figure, --table: expected one of them, found both");
    if (o->title && o->table) return cmd_usage("--title: expected none with --table, which has no headline");
    if (o->common.json && !o->table) return cmd_usage("--json: expected --table beside it, found none");
    if (!o->out && !o->table) return cmd_usage("--out: expected a file to write, found none");
    code = check_inputs(count, operands);
    return code ? code : cmd_check_outputs(&file, 1, NULL, count, (const char *const *)operands);
}

static int run(const void *options, int count, char **operands)
{
    const struct options *o = options;
    struct report r = { 0 };
    struct vit_error err;
    enum vit_status status = VIT_OK;
    int code = check_line(o, count, operands);

    if (code) return code;
    for (int i = 0; i < count && !status; i++) status = report_read(&r, operands[i], &err);
    if (!status) status = report_arrange(&r, &err);
    if (status) cmd_error("%s", err.text);
    for (size_t i = 0; i < r.source_count; i++) cmd_note(&o->common, "%s: read", r.sources[i].path);
    if (!status && r.twice)
        cmd_warn(&o->common, "copies of runs in further inputs, %zu, do not count: a seed counts once",
                 r.twice);
    code = status ? CMD_UNUSABLE : write_out(&r, o);
    report_free(&r);
    return code;
}

const struct args_verb cmd_report = {
    .name = "report",
    .operands = "DIR... -o report.html",
    .summary = "Show what sweep, train, probe and compare found, as one page",
    .details =
        "DIR is a folder of vit sweep (sweep.json, cells.jsonl, epochs.jsonl) or of vit train (log.jsonl), "
        "perhaps with probe.jsonl (vit probe --json) and compare.json (vit compare --json) in it; such "
        "files may also be given by themselves. The folders in that of a sweep, but for its cells, and in "
        "any other folder are read too, by name, three levels deep; -v names the runs that were found. A "
        "sweep that is still running is shown as far as it came. A run that stands in several of the inputs "
        "counts once.\n\n"
        "The page has accuracy against learning rate with every run that was lost, the arms in numbers "
        "with intervals, curves, diagnostics by block and depth, the comparison in words, what was not "
        "tested, and the commands that make it all again. It is one file that loads nothing: HTML with its "
        "style and drawings inside, light or dark as the reader prefers, readable on a phone and in print. "
        "Equal input gives an equal page.\n\n"
        "--figure writes one of its figures as a picture for a text: an SVG file with title, legend and a "
        "ground of its own, light or dark. Its name is that of the figure in the page "
        "(report.html#NAME).\n\n"
        "--table writes a table for a text, markdown that is as easy to read as it is, with a note below "
        "that says what its numbers are: map has the validation accuracy by condition, placement and "
        "learning rate with every lost run; brief has for each setting how many runs a placement lost and "
        "what it reaches at its best rate; summary these, the rates at which it learns, and deviations and "
        "differences over seeds; accuracy has the runs of placements with several seeds, mean and "
        "deviation, and their differences with intervals and p-values; pairs has the runs that differ in one "
        "setting alone, two values beside each other: how many were lost with either, and what the second "
        "value adds where both learn.\n\n"
        "    vit report grid/ --table map\n\n"
        "With --json it is {\"table\", \"parts\": [{\"columns\": [...], \"rows\": [[...], ...]}], \"note\"}, "
        "with the texts of the markdown, but < and & as they are.\n\n"
        "Exit codes: 0 done, 1 the page could not be written, 2 wrong usage, 3 an input is unusable or has "
        "nothing for the figure or the table.",
    .groups = GROUPS,
    .bytes = sizeof(struct options),
    .run = run,
};
