#include "weights/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME = WEIGHTS_FULL_NAME, MAX_BLOCKS = 10000 };

struct weights_view {
    const struct weights_file *f;
    const struct weights_naming *naming;
    char *prefix; /* what stands before every name: "module." */
    char *rivals; /* prefixes of other copies of the model in the file, one after the other, "" ends them */
    bool *used;   /* (tensors) */
    const struct weights_tensor
        *head[2]; /* weight and bias of a head of another name; NULL: of the family's */
    int depth;
};

/* ---- looking a tensor up ---- */

static bool find_parts(const struct weights_view *v, const struct weights_row *row, size_t prefix_size,
                       const struct weights_capture *c, struct weights_source *out)
{
    char name[NAME];

    *out = (struct weights_source){ .layout = row->layout };
    for (size_t i = 0; i < VIT_COUNT(row->part) && row->part[i]; i++) {
        if (!weights_fill(name, v->prefix, prefix_size, row->part[i], c)) return false;
        out->part[i] = weights_find(v->f, name);
        if (!out->part[i]) return false;
        out->parts++;
    }
    return true;
}

static bool find_under(const struct weights_view *v, const char *canonical, size_t prefix_size,
                       struct weights_source *out)
{
    for (size_t i = 0; i < v->naming->row_count; i++) {
        const struct weights_row *row = &v->naming->rows[i];
        struct weights_capture c;

        if (weights_match(row->canonical, canonical, &c) && find_parts(v, row, prefix_size, &c, out))
            return true;
    }
    return false;
}

/* The prefix without its last part: "module.vit." -> "module." -> "". */
static size_t parent(const char *prefix, size_t size, char separator)
{
    if (size) size--;
    while (size && prefix[size - 1] != separator) size--;
    return size;
}

/* The scales of integers, or NULL. */
static const struct weights_tensor *find_scale(const struct weights_view *v, const struct weights_tensor *t)
{
    char name[NAME + 8];

    if (t->dtype != WEIGHTS_I8) return NULL;
    snprintf(name, sizeof name, "%s_scale", t->name);
    return weights_find(v->f, name);
}

static bool find_head(const struct weights_view *v, const char *canonical, struct weights_source *out)
{
    static const char *const NAMES[] = { "head.weight", "head.bias" };

    for (size_t i = 0; i < VIT_COUNT(NAMES); i++)
        if (v->head[i] && !strcmp(canonical, NAMES[i])) {
            *out = (struct weights_source){ .part = { v->head[i] }, .parts = 1, .layout = WEIGHTS_AS_IS };
            return true;
        }
    return false;
}

/* A trunk may lie deeper than its head: vit.encoder beside classifier, transformer.layers beside head. */
struct weights_source weights_view_find(struct weights_view *v, const char *canonical)
{
    size_t size = strlen(v->prefix);
    struct weights_source s;
    bool found = find_head(v, canonical, &s);

    while (!found && !(found = find_under(v, canonical, size, &s)) && size)
        size = parent(v->prefix, size, v->naming->separator);
    if (!found) return (struct weights_source){ 0 };
    for (int i = 0; i < s.parts; i++) {
        s.scale[i] = find_scale(v, s.part[i]);
        v->used[s.part[i] - weights_at(v->f, 0)] = true;
        if (s.scale[i]) v->used[s.scale[i] - weights_at(v->f, 0)] = true;
    }
    return s;
}

/* ---- recognition ---- */

/* Length of what stands before tail in name; -1 when tail is not the end of name, at a border of parts. */
static int prefix_of(const char *name, const char *tail, char separator)
{
    const size_t n = strlen(name), t = strlen(tail);

    if (n < t || strcmp(name + n - t, tail) || n - t >= NAME) return -1;
    return n == t || name[n - t - 1] == separator ? (int)(n - t) : -1;
}

/* Whether the file has tail under the first size characters of name. */
static bool has_beside(const struct weights_file *f, const char *name, int size, const char *tail)
{
    char full[NAME + 64];

    snprintf(full, sizeof full, "%.*s%s", size, name, tail);
    return weights_find(f, full) != NULL;
}

static int anchored(const struct weights_file *f, const struct weights_naming *naming, const char *name)
{
    for (size_t i = 0; i < VIT_COUNT(naming->anchors) && naming->anchors[i]; i++) {
        int size = prefix_of(name, naming->anchors[i], naming->separator);
        if (size >= 0 && (!naming->beside || has_beside(f, name, size, naming->beside))) return size;
    }
    return -1;
}

static bool listed(const char *list, const char *text)
{
    for (; *list; list += strlen(list) + 1)
        if (!strcmp(list, text)) return true;
    return false;
}

/* Collect every prefix of the naming's anchors into a list of strings: "a." "b." "" has one '\0' more. A
 * model without any prefix needs no list. Returns how many; rooted: one of them is empty. */
static size_t collect(const struct weights_file *f, const struct weights_naming *naming, char *list,
                      size_t size, bool *rooted)
{
    size_t used = 0, count = 0;

    *rooted = false;
    list[0] = '\0';
    for (size_t i = 0; i < weights_count(f); i++) {
        const char *name = weights_at(f, i)->name;
        char prefix[NAME];
        int n = anchored(f, naming, name);

        if (n < 0) continue;
        snprintf(prefix, sizeof prefix, "%.*s", n, name);
        if (!n) *rooted = true;
        if (!n || listed(list, prefix) || used + (size_t)n + 2 > size) continue;
        memcpy(list + used, prefix, (size_t)n + 1);
        used += (size_t)n + 1;
        list[used] = '\0';
        count++;
    }
    return count + *rooted;
}

static enum vit_status choose_prefix(struct weights_view *v, bool rooted, struct vit_error *err)
{
    const char *best = rooted ? "" : v->rivals, *tie = NULL;

    for (const char *p = v->rivals; *p; p += strlen(p) + 1) {
        if (p == best || weights_copy_rank(p) > weights_copy_rank(best)) continue;
        tie = weights_copy_rank(p) == weights_copy_rank(best) ? p : NULL;
        if (!tie) best = p;
    }
    if (tie) return weights_refuse_rivals(v->f, v->naming, best, tie, err);
    v->prefix = strdup(best);
    return v->prefix ? VIT_OK
                     : vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate memory", weights_path(v->f));
}

static enum vit_status recognise(struct weights_view *v, struct vit_error *err)
{
    enum { LIST = 8 * NAME };
    bool rooted;

    v->rivals = malloc(LIST);
    v->used = calloc(weights_count(v->f) + 1, sizeof *v->used);
    if (!v->rivals || !v->used)
        return vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate memory", weights_path(v->f));
    for (size_t i = 0; i < VIT_COUNT(weights_namings); i++) {
        v->naming = &weights_namings[i];
        if (collect(v->f, v->naming, v->rivals, LIST, &rooted)) return choose_prefix(v, rooted, err);
    }
    return weights_refuse_names(v->f, err);
}

/* Whether name, without the prefix, belongs to a block, and which. */
static bool in_block(const struct weights_naming *naming, const char *name, struct weights_capture *c)
{
    char pattern[64];

    for (size_t i = 0; i < VIT_COUNT(naming->block) && naming->block[i]; i++) {
        snprintf(pattern, sizeof pattern, "%s*", naming->block[i]);
        if (weights_match(pattern, name, c)) return true;
    }
    return false;
}

static int count_blocks(const struct weights_view *v)
{
    const size_t prefix_size = strlen(v->prefix);
    int depth = 0;

    for (size_t i = 0; i < weights_count(v->f); i++) {
        const char *name = weights_at(v->f, i)->name;
        struct weights_capture c;

        if (strncmp(name, v->prefix, prefix_size) || !in_block(v->naming, name + prefix_size, &c)) continue;
        if (c.number_size > 5 || atoi(c.number) >= MAX_BLOCKS) continue;
        if (atoi(c.number) >= depth) depth = atoi(c.number) + 1;
    }
    return depth;
}

enum vit_status weights_view_open(struct weights_view **out, const struct weights_file *f,
                                  struct vit_error *err)
{
    struct weights_view *v = calloc(1, sizeof *v);
    enum vit_status status;

    *out = NULL;
    if (!v) return vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate memory", weights_path(f));
    v->f = f;
    status = recognise(v, err);
    if (status) {
        weights_view_close(v);
        return status;
    }
    v->depth = count_blocks(v);
    *out = v;
    return VIT_OK;
}

void weights_view_close(struct weights_view *v)
{
    if (!v) return;
    free(v->used);
    free(v->rivals);
    free(v->prefix);
    free(v);
}

/* ---- questions ---- */

enum weights_family weights_view_family(const struct weights_view *v)
{
    return v->naming->family;
}

const struct weights_file *weights_view_file(const struct weights_view *v)
{
    return v->f;
}

bool weights_view_copies(const struct weights_view *v, const char **chosen, const char **other)
{
    *chosen = v->prefix;
    for (*other = v->rivals; **other; *other += strlen(*other) + 1)
        if (strcmp(*other, v->prefix) != 0) return *v->prefix != '\0';
    return false;
}

int weights_view_depth(const struct weights_view *v)
{
    return v->depth;
}

void weights_view_set_head(struct weights_view *v, const struct weights_tensor *weight,
                           const struct weights_tensor *bias)
{
    v->head[0] = weight;
    v->head[1] = bias;
}

bool weights_view_used(const struct weights_view *v, size_t i)
{
    return v->used[i];
}

bool weights_view_ignorable(const struct weights_view *v, size_t i)
{
    static const char *const LAST[] = { "mask_token", "num_batches_tracked", "position_ids" };
    static const char *const FIRST[] = { "optimizer.", "optimizer_state_dict.",
                                         "opt/state/", "lr_scheduler.",
                                         "scaler.",    "student." };
    const char *name = weights_at(v->f, i)->name;

    for (size_t j = 0; j < VIT_COUNT(LAST); j++)
        if (prefix_of(name, LAST[j], v->naming->separator) >= 0) return true;
    for (size_t j = 0; j < VIT_COUNT(FIRST); j++)
        if (!strncmp(name, FIRST[j], strlen(FIRST[j]))) return true;
    for (const char *p = v->rivals; *p; p += strlen(p) + 1)
        if (strcmp(p, v->prefix) && weights_copy_closer(p, v->prefix, name, v->naming->separator))
            return true;
    return strstr(name, "pooler.dense.") != NULL;
}

const char *weights_view_name(const struct weights_view *v, size_t i, bool *block)
{
    const char *name = weights_at(v->f, i)->name;
    const size_t prefix_size = strlen(v->prefix);
    struct weights_capture c;

    if (strncmp(name, v->prefix, prefix_size)) return NULL;
    name += prefix_size;
    if (block) *block = in_block(v->naming, name, &c);
    return name;
}

/* ---- what a tensor would be called ---- */

/* Whether any tensor under the prefix, of whatever block, has a name of the row. */
static bool in_use(const struct weights_view *v, size_t prefix_size, const struct weights_row *row)
{
    struct weights_capture c;

    for (size_t i = 0; i < weights_count(v->f); i++) {
        const char *name = weights_at(v->f, i)->name;
        if (strncmp(name, v->prefix, prefix_size)) continue;
        for (size_t j = 0; j < VIT_COUNT(row->part) && row->part[j]; j++)
            if (weights_match(row->part[j], name + prefix_size, &c)) return true;
    }
    return false;
}

/* Of the rows for a canonical name the first that the file uses, else the first; NULL: there is none. */
static const struct weights_row *row_of(const struct weights_view *v, const char *canonical,
                                        size_t prefix_size, struct weights_capture *c)
{
    const struct weights_row *first = NULL;

    for (size_t i = 0; i < v->naming->row_count; i++) {
        const struct weights_row *row = &v->naming->rows[i];

        if (!weights_match(row->canonical, canonical, c)) continue;
        if (in_use(v, prefix_size, row)) return row;
        if (!first) first = row;
    }
    if (first) weights_match(first->canonical, canonical, c);
    return first;
}

int weights_view_names(struct weights_view *v, const char *canonical, char names[3][WEIGHTS_NAME],
                       enum weights_layout *layout)
{
    const char *trunk = v->naming->trunk;
    size_t size = strlen(v->prefix);
    struct weights_capture c;
    const struct weights_row *row;
    char name[NAME];
    int parts = 0;

    if (!weights_in_trunk(canonical) && prefix_of(v->prefix, trunk, v->naming->separator) >= 0)
        size -= strlen(trunk);
    row = row_of(v, canonical, size, &c);
    for (; row && parts < (int)VIT_COUNT(row->part) && row->part[parts]; parts++) {
        if (!weights_fill(name, v->prefix, size, row->part[parts], &c) || strlen(name) >= WEIGHTS_NAME)
            return 0;
        const struct weights_tensor *t = weights_find(v->f, name);
        if (t) v->used[t - weights_at(v->f, 0)] = true;
        memcpy(names[parts], name, strlen(name) + 1);
    }
    *layout = row ? row->layout : WEIGHTS_AS_IS;
    return parts;
}
