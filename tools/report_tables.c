/* Every table for a text as a row. */
#include "tools/report_tables.h"

#include "tools/args.h"
#include "tools/memory.h"

static const struct {
    const char *name;
    report_tabulate *parts[2]; /* the second is left out where it has nothing to show */
    report_note *note;
} TABLES[] = {
    { "map", { report_tabulate_map }, report_note_map },
    { "summary", { report_tabulate_summary }, report_note_summary },
    { "accuracy", { report_tabulate_accuracy, report_tabulate_differences }, report_note_accuracy },
};

const char *report_table_name(size_t i)
{
    return i < VIT_COUNT(TABLES) ? TABLES[i].name : NULL;
}

static enum vit_status put_part(FILE *out, const struct report *r, report_tabulate *tabulate,
                                struct vit_error *err)
{
    struct table t = { 0 };
    enum vit_status status = tabulate(&t, r, err);

    if (!status && !table_markdown(out, &t)) status = vit_fail(err, VIT_ERR_NOMEM, "no memory for a table");
    if (!status) fputc('\n', out);
    table_free(&t);
    return status;
}

/* Broken into lines, as the texts are that it goes into. */
static enum vit_status put_note(FILE *out, const struct report *r, report_note *note, struct vit_error *err)
{
    struct memory text;
    bool whole;

    if (memory_open(&text)) note(text.out, r);
    whole = memory_close(&text);
    if (whole) args_wrap(out, text.bytes, 0, 0);
    free(text.bytes);
    return whole ? VIT_OK : vit_fail(err, VIT_ERR_NOMEM, "no memory for a table");
}

enum vit_status report_table(FILE *out, const struct report *r, const char *name, struct vit_error *err)
{
    size_t i = 0;
    enum vit_status status;

    while (i < VIT_COUNT(TABLES) && strcmp(TABLES[i].name, name) != 0) i++;
    if (i == VIT_COUNT(TABLES))
        return vit_fail(err, VIT_ERR_ARG, "table %s: there is none of that name", name);
    status = put_part(out, r, TABLES[i].parts[0], err);
    if (!status && TABLES[i].parts[1]) {
        status = put_part(out, r, TABLES[i].parts[1], err);
        if (status == VIT_ERR_ARG) status = VIT_OK;
    }
    return status ? status : put_note(out, r, TABLES[i].note, err);
}
