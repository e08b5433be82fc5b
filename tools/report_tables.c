/* Every table for a text as a row. */
#include "tools/report_tables.h"

#include <stdlib.h>

#include "tools/args.h"
#include "tools/memory.h"
#include "tools/out.h"

static const struct {
    const char *name;
    report_tabulate *parts[2]; /* the second is left out where it has nothing to show */
    report_note *note;
} TABLES[] = {
    { "map", { report_tabulate_map }, report_note_map },
    { "brief", { report_tabulate_brief }, report_note_brief },
    { "summary", { report_tabulate_summary }, report_note_summary },
    { "accuracy", { report_tabulate_accuracy, report_tabulate_differences }, report_note_accuracy },
    { "pairs", { report_tabulate_pairs }, report_note_pairs },
};

const char *report_table_name(size_t i)
{
    return i < VIT_COUNT(TABLES) ? TABLES[i].name : NULL;
}

enum { MOST_PARTS = VIT_COUNT(TABLES[0].parts) };

/* A table, and what its reader must know. */
struct tabulated {
    struct table part[MOST_PARTS];
    size_t parts;
    struct memory note;
};

static void let_go(struct tabulated *t)
{
    for (size_t i = 0; i < t->parts; i++) table_free(&t->part[i]);
    free(t->note.bytes);
}

static enum vit_status find(size_t *at, const char *name, struct vit_error *err)
{
    for (*at = 0; *at < VIT_COUNT(TABLES); ++*at)
        if (strcmp(TABLES[*at].name, name) == 0) return VIT_OK;
    return vit_fail(err, VIT_ERR_ARG, "table %s: there is none of that name", name);
}

/* let_go of it, whatever is returned. */
static enum vit_status tabulate(struct tabulated *t, const struct report *r, const char *name,
                                struct vit_error *err)
{
    bool whole = true;
    size_t at;
    enum vit_status status;

    *t = (struct tabulated){ 0 };
    status = find(&at, name, err);
    while (!status && t->parts < MOST_PARTS && TABLES[at].parts[t->parts]) {
        struct table *part = &t->part[t->parts++];
        status = TABLES[at].parts[t->parts - 1](part, r, err);
        whole &= !part->failed;
    }
    if (t->parts > 1 && status == VIT_ERR_ARG) { /* nothing to show in a further one */
        table_free(&t->part[--t->parts]);
        status = VIT_OK;
    }
    if (status) return status;
    if (memory_open(&t->note)) TABLES[at].note(t->note.out, r);
    whole &= memory_close(&t->note);
    return whole ? VIT_OK : vit_fail(err, VIT_ERR_NOMEM, "no memory for a table");
}

/* The note broken into lines, as the texts are that it goes into. */
enum vit_status report_table(FILE *out, const struct report *r, const char *name, struct vit_error *err)
{
    struct tabulated t;
    enum vit_status status = tabulate(&t, r, name, err);

    for (size_t i = 0; i < t.parts && !status; i++) {
        table_markdown(out, &t.part[i]);
        fputc('\n', out);
    }
    if (!status) args_wrap(out, t.note.bytes, 0, 0);
    let_go(&t);
    return status;
}

enum vit_status report_table_json(json_t **out, const struct report *r, const char *name,
                                  struct vit_error *err)
{
    struct tabulated t;
    enum vit_status status = tabulate(&t, r, name, err);
    json_t *parts = json_array();

    *out = NULL;
    for (size_t i = 0; i < t.parts && !status; i++)
        if (json_array_append_new(parts, table_json(&t.part[i]))) break;
    if (!status && json_array_size(parts) == t.parts)
        *out = json_pack("{s:s, s:O, s:o}", "table", name, "parts", parts, "note", out_text(t.note.bytes));
    if (!status && !*out) status = vit_fail(err, VIT_ERR_NOMEM, "no memory for a table");
    json_decref(parts);
    let_go(&t);
    return status;
}
