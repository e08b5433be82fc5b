/* Which rows of probe are seeds of one network: those that say the same of everything but the seed. */
#include <math.h>
#include <stdlib.h>

#include "tools/report_parts.h"

/* Keys of a row that tell networks and measurements apart, beside placement, depth and what a row's condition
 * names. */
static const char *const TRAITS[] = { "preset",       "image",       "stem",      "patch",     "width",
                                      "heads",        "hidden",      "pool",      "norm_kind", "qk_norm",
                                      "embed_norm",   "final_norm",  "zero_head", "out_gain",  "lr",
                                      "position_std", "layer_scale", "steps",     "pictures",  "data",
                                      "split",        "dtype" };

/* Rows of one placement, depth and group, and what was first said of them. */
struct kind {
    const struct report_block *first;
    const json_t *said[VIT_COUNT(TRAITS)]; /* NULL: nothing yet */
    bool varies[VIT_COUNT(TRAITS)];
};

struct kinds {
    struct kind *item; /* (count) */
    size_t count;
};

static bool same_value(const json_t *a, const json_t *b)
{
    char left[256], right[256];

    return report_value_text(a, left, sizeof left) && report_value_text(b, right, sizeof right) &&
           strcmp(left, right) == 0;
}

bool report_same_kind(const struct report_block *a, const struct report_block *b)
{
    return a->depth == b->depth && strcmp(a->norm, b->norm) == 0 && strcmp(a->group, b->group) == 0;
}

static struct kind *find_kind(struct kinds *k, const struct report_block *b, struct vit_error *err)
{
    for (size_t i = 0; i < k->count; i++)
        if (report_same_kind(k->item[i].first, b)) return &k->item[i];
    if (report_grow((void **)&k->item, k->count, sizeof *k->item, err)) return NULL;
    k->item[k->count] = (struct kind){ .first = b };
    return &k->item[k->count++];
}

/* What varies among rows of one kind, and so is no matter of placement or depth. */
static enum vit_status find_kinds(struct kinds *k, const struct report *r, struct vit_error *err)
{
    for (size_t i = 0; i < r->block_count; i++) {
        struct kind *kind = find_kind(k, &r->blocks[i], err);
        if (!kind) return VIT_ERR_NOMEM;
        for (size_t t = 0; t < VIT_COUNT(TRAITS); t++) {
            const json_t *v = json_object_get(r->blocks[i].line, TRAITS[t]);
            if (!v || json_is_null(v)) continue;
            if (kind->said[t])
                kind->varies[t] |= !same_value(kind->said[t], v);
            else
                kind->said[t] = v;
        }
    }
    return VIT_OK;
}

static bool divides(const struct kinds *k, const char *group, size_t trait)
{
    for (size_t i = 0; i < k->count; i++)
        if (k->item[i].varies[trait] && strcmp(k->item[i].first->group, group) == 0) return true;
    return false;
}

/* "init xavier, width 64": out (size) is empty where nothing divides the group. */
static void name_group(char *out, size_t size, const struct kinds *k, const struct report_block *b)
{
    size_t used = 0;
    char text[256];

    *out = '\0';
    for (size_t t = 0; t < VIT_COUNT(TRAITS) && used < size; t++) {
        if (!divides(k, b->group, t) ||
            !report_value_text(json_object_get(b->line, TRAITS[t]), text, sizeof text))
            continue;
        used += (size_t)snprintf(out + used, size - used, "%s, %s %s", used ? "" : b->group, TRAITS[t], text);
    }
}

/* The kinds point to rows: all names before the first is set. */
static enum vit_status name_groups(struct report *r, const struct kinds *k, struct vit_error *err)
{
    const char **names = calloc(r->block_count + 1, sizeof *names);
    enum vit_status status = names ? VIT_OK : vit_fail(err, VIT_ERR_NOMEM, "report: no memory");
    char text[1024];

    for (size_t i = 0; i < r->block_count && !status; i++) {
        name_group(text, sizeof text, k, &r->blocks[i]);
        if (*text) status = report_keep_text(&names[i], r, text, err);
    }
    for (size_t i = 0; i < r->block_count && !status; i++)
        if (names[i]) r->blocks[i].group = names[i];
    free(names);
    return status;
}

/* ---- rows that are there twice ---- */

static int order(double a, double b)
{
    return (a > b) - (a < b);
}

/* Copies are neighbours, in the order they were read in. */
static int by_network(const void *left, const void *right)
{
    const struct report_block *a = *(const struct report_block *const *)left,
                              *b = *(const struct report_block *const *)right;
    int o = strcmp(a->group, b->group);

    if (!o) o = strcmp(a->norm, b->norm);
    if (!o) o = a->depth - b->depth;
    if (!o) o = a->block - b->block;
    if (!o) o = !!isnan(a->seed) - !!isnan(b->seed);
    if (!o) o = order(a->seed, b->seed);
    return o ? o : (a > b) - (a < b);
}

static bool is_same_network(const struct report_block *a, const struct report_block *b)
{
    if (!report_same_kind(a, b) || a->block != b->block) return false;
    return isnan(a->seed) || isnan(b->seed) ? *a->model && *b->model : a->seed == b->seed;
}

/* Other kernels give other last digits. */
static bool is_near(double a, double b)
{
    return (isnan(a) && isnan(b)) || a == b || fabs(a - b) <= 1e-3 * fmax(fabs(a), fabs(b));
}

static bool is_copy(const struct report_block *a, const struct report_block *b)
{
    return is_near(a->grad_w2, b->grad_w2) && is_near(a->stream_rms, b->stream_rms) &&
           is_near(a->branch_share, b->branch_share) && is_near(a->token_cosine, b->token_cosine) &&
           is_near(a->step_change, b->step_change) && is_near(a->entropy, b->entropy);
}

static enum vit_status refuse(const struct report_block *b, struct vit_error *err)
{
    return vit_fail(
        err, VIT_ERR_FORMAT,
        "rows of probe: two of %.60s, depth %d, block %d, %.200s%s have different numbers: expected "
        "one, or rows that say what differs",
        b->norm, b->depth, b->block, b->group, isnan(b->seed) ? "" : " and one seed");
}

/* A copy is dropped: one network is one seed. */
static enum vit_status drop_copies(struct report *r, struct vit_error *err)
{
    const struct report_block **sorted = calloc(r->block_count + 1, sizeof *sorted);
    bool *copy = calloc(r->block_count + 1, sizeof *copy);
    enum vit_status status = sorted && copy ? VIT_OK : vit_fail(err, VIT_ERR_NOMEM, "report: no memory");
    size_t first = 0, count = 0;

    for (size_t i = 0; i < r->block_count && !status; i++) sorted[i] = &r->blocks[i];
    if (!status) qsort(sorted, r->block_count, sizeof *sorted, by_network);
    for (size_t i = 1; i < r->block_count && !status; i++) {
        if (!is_same_network(sorted[first], sorted[i]))
            first = i;
        else if (is_copy(sorted[first], sorted[i]))
            copy[sorted[i] - r->blocks] = true;
        else
            status = refuse(sorted[i], err);
    }
    for (size_t i = 0; i < r->block_count && !status; i++)
        if (!copy[i]) r->blocks[count++] = r->blocks[i];
    if (!status) r->block_count = count;
    free(sorted);
    free(copy);
    return status;
}

enum vit_status report_find_groups(struct report *r, struct vit_error *err)
{
    struct kinds k = { 0 };
    enum vit_status status = find_kinds(&k, r, err);

    if (!status) status = name_groups(r, &k, err);
    free(k.item);
    return status ? status : drop_copies(r, err);
}
