/* What a report holds: its lists, which grow, and what they point into. */
#include <stdlib.h>

#include "tools/report_parts.h"
#include "vit/arena.h"

static const char *const ENDS[] = {
    [REPORT_DONE] = "done",
    [REPORT_DEAD] = "dead",
    [REPORT_DIVERGED] = "diverged",
    [REPORT_STAYED] = "not learnt",
    [REPORT_UNFINISHED] = "unfinished",
};
_Static_assert(VIT_COUNT(ENDS) == REPORT_ENDS, "an end has no name");

const char *report_end_name(enum report_end e)
{
    return ENDS[e];
}

enum vit_status report_grow(void **items, size_t count, size_t size, struct vit_error *err)
{
    if (vit_grow(items, count, size)) return VIT_OK;
    return vit_fail(err, VIT_ERR_NOMEM, "report: no memory for %zu rows", count + 1);
}

enum vit_status report_keep(struct report *r, json_t *value, struct vit_error *err)
{
    if (!r->keep) r->keep = json_array();
    if (value && !json_array_append_new(r->keep, value)) return VIT_OK;
    return vit_fail(err, VIT_ERR_NOMEM, "report: no memory");
}

enum vit_status report_keep_text(const char **kept, struct report *r, const char *text, struct vit_error *err)
{
    json_t *value = json_stringn_nocheck(text, strlen(text)); /* any bytes: escaped where they are shown */
    const enum vit_status status = report_keep(r, value, err);

    *kept = status ? NULL : json_string_value(value);
    return status;
}

enum vit_status report_add_source(struct report *r, const char *path, enum report_kind kind,
                                  const json_t *about, struct vit_error *err)
{
    const char *name;
    enum vit_status status = report_keep_text(&name, r, path, err);

    if (!status) status = report_grow((void **)&r->sources, r->source_count, sizeof *r->sources, err);
    if (status) return status;
    r->sources[r->source_count++] = (struct report_source){ .path = name, .kind = kind, .about = about };
    return VIT_OK;
}

int report_count_sources(const struct report *r, enum report_kind kind)
{
    int count = 0;

    for (size_t i = 0; i < r->source_count; i++) count += r->sources[i].kind == kind;
    return count;
}

/* ---- cells ---- */

enum vit_status report_add_cell(struct report *r, const struct report_cell *cell, struct vit_error *err)
{
    enum vit_status status = report_grow((void **)&r->cells, r->cell_count, sizeof *cell, err);

    if (status) return status;
    r->cells[r->cell_count] = *cell;
    r->cells[r->cell_count++].source = (int)r->source_count - 1;
    return VIT_OK;
}

struct report_cell *report_find_cell(struct report *r, const char *id, size_t *hint)
{
    for (size_t i = 0; i < r->cell_count; i++) {
        const size_t at = (*hint + i) % r->cell_count;
        if (r->cells[at].source != (int)r->source_count - 1 || strcmp(r->cells[at].id, id) != 0) continue;
        *hint = at;
        return &r->cells[at];
    }
    return NULL;
}

int report_count_end(const struct report *r, enum report_end end)
{
    int count = 0;

    for (size_t i = 0; i < r->cell_count; i++) count += r->cells[i].end == end;
    return count;
}

void report_free(struct report *r)
{
    for (size_t i = 0; i < r->arm_count; i++) free(r->arms[i].rates);
    free(r->arms);
    free(r->conditions);
    free(r->matches);
    free(r->norms);
    free(r->styles);
    free(r->paths);
    free(r->sources);
    free(r->cells);
    free(r->epochs);
    free(r->blocks);
    json_decref(r->keep);
    *r = (struct report){ 0 };
}
