/* Which pictures of a data set, and under which labels: matched to a model, limited, held out. What is
 * chosen depends on their places in the data set, on which of them are one file, and on fixed keys. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "patch/dataset.h"
#include "vit/random.h"
#include "vit/text.h"

/* ---- labels by name ---- */

/* Index of name among names; -1: absent, -2: more than once. */
static int find_name(const char *name, const char *const *names, int count)
{
    int found = -1;

    for (int i = 0; i < count; i++) {
        if (strcmp(names[i], name)) continue;
        if (found >= 0) return -2;
        found = i;
    }
    return found;
}

/* Those of names that are not one of others: how many, and in text as many as fit. */
static size_t list_unmatched(char *text, size_t size, const char *const *names, int count,
                             const char *const *others, int other_count)
{
    const char **left = calloc((size_t)count + 1, sizeof *left);
    size_t unmatched = 0;

    text[0] = '\0';
    for (int i = 0; i < count; i++) {
        if (find_name(names[i], others, other_count) >= 0) continue;
        if (left) left[unmatched] = names[i];
        unmatched++;
    }
    if (left) vit_list(text, size, left, unmatched);
    free(left);
    return unmatched;
}

/* Names that are on both sides tell nothing of what is wrong. */
static enum vit_status mismatch(const struct patch_dataset *d, const char *name, int found,
                                const char *const *names, int count, const char *whose, struct vit_error *err)
{
    const char *const *own = (const char *const *)d->classes.item;
    const int own_count = (int)d->classes.count;
    char data[360], others[360];
    const size_t of_data = list_unmatched(data, sizeof data, own, own_count, names, count);
    const size_t of_others = list_unmatched(others, sizeof others, names, count, own, own_count);

    return vit_fail(err, VIT_ERR_ARG,
                    "the data's class \"%.100s\" is %s %s's; not matched are %zu of the data's %d: %s; and "
                    "%zu of %s's %d%s%s",
                    name, found == -2 ? "more than one of" : "none of", whose, of_data, own_count, data,
                    of_others, whose, count, of_others ? ": " : "", others);
}

/* to (classes of d) = the number of each class among names. */
static enum vit_status map_classes(int *to, const struct patch_dataset *d, const char *const *names,
                                   int count, const char *whose, struct vit_error *err)
{
    for (size_t i = 0; i < d->classes.count; i++) {
        to[i] = find_name(d->classes.item[i], names, count);
        if (to[i] < 0) return mismatch(d, d->classes.item[i], to[i], names, count, whose, err);
    }
    return VIT_OK;
}

enum vit_status patch_dataset_match(struct patch_dataset *d, const char *const *names, int count,
                                    const char *whose, struct vit_error *err)
{
    struct patch_names classes = { 0 };
    int *to = malloc((d->classes.count + 1) * sizeof *to);
    enum vit_status status;

    if (!to) return vit_fail(err, VIT_ERR_NOMEM, "no memory for %zu classes", d->classes.count);
    status = map_classes(to, d, names, count, whose, err);
    for (int i = 0; i < count && !status; i++)
        status = patch_names_add(&classes, names[i], strlen(names[i]), err);
    if (status) {
        patch_names_free(&classes);
        goto done;
    }
    for (size_t i = 0; i < d->count; i++)
        if (d->records[i].label >= 0) d->records[i].label = to[d->records[i].label];
    patch_names_free(&d->classes);
    d->classes = classes;
done:
    free(to);
    return status;
}

/* ---- repetitions ---- */

/* The file of a record, which lists and links name as they like. */
struct found {
    dev_t device;
    ino_t number;
    size_t index; /* of the record */
};

static int compare(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

static bool same_file(const struct found *a, const struct found *b)
{
    return a->device == b->device && a->number == b->number;
}

static int by_file(const void *a, const void *b)
{
    const struct found *x = a, *y = b;

    if (x->device != y->device) return x->device < y->device ? -1 : 1;
    if (x->number != y->number) return x->number < y->number ? -1 : 1;
    return compare(x->index, y->index);
}

/* False: it is no file of its own, or there is none. */
static bool find_file(struct found *f, const struct patch_dataset *d, size_t i)
{
    const struct patch_store *s = d->store;
    struct stat file;

    if (s->kind->cifar || stat(s->files.item[d->records[i].where], &file)) return false;
    *f = (struct found){ file.st_dev, file.st_ino, i };
    return true;
}

/* (count of d): the first record of each one's file; *repeats: how many come after it. NULL: no memory. Freed
 * by the caller. */
static size_t *find_firsts(size_t *repeats, const struct patch_dataset *d)
{
    size_t *first = malloc((d->count + 1) * sizeof *first), count = 0;
    struct found *found = malloc((d->count + 1) * sizeof *found);

    *repeats = 0;
    for (size_t i = 0; first && found && i < d->count; i++) {
        first[i] = i;
        count += find_file(&found[count], d, i);
    }
    if (count) qsort(found, count, sizeof *found, by_file);
    for (size_t i = 1; i < count; i++) {
        if (!same_file(&found[i], &found[i - 1])) continue;
        first[found[i].index] = first[found[i - 1].index];
        ++*repeats;
    }
    if (!found) {
        free(first);
        first = NULL;
    }
    free(found);
    return first;
}

/* ---- choosing ---- */

/* One constant for each purpose: what is held out of a limited set is not its end. */
enum { PURPOSE_LIMIT = 1, PURPOSE_HOLD_OUT = 2 };

struct draw {
    int label;
    uint64_t key;
    size_t index; /* of the record */
    size_t rank;  /* among those of its label, by key */
};

static int by_label(const void *a, const void *b)
{
    const struct draw *x = a, *y = b;

    /* Damaged pictures, -1, are the last: they are no class, and take no class's turn. */
    if (x->label != y->label) return (unsigned)x->label < (unsigned)y->label ? -1 : 1;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return compare(x->index, y->index);
}

static int by_rank(const void *a, const void *b)
{
    const struct draw *x = a, *y = b;

    if (x->rank != y->rank) return compare(x->rank, y->rank);
    return by_label(a, b);
}

/* All records, or the first of each file (first as find_firsts() has it; NULL: all), *count of them; each
 * class in a random order of its own. NULL: no memory. Freed by the caller. */
static struct draw *shuffle(size_t *count, const struct patch_dataset *d, const size_t *first,
                            uint64_t purpose)
{
    struct draw *draw = malloc((d->count + 1) * sizeof *draw);
    const uint64_t key = vit_key(0x7061746368ull, purpose); /* "patch" */
    size_t n = 0;

    if (!draw) return NULL;
    for (size_t i = 0; i < d->count; i++)
        if (!first || first[i] == i)
            draw[n++] = (struct draw){ d->records[i].label, vit_random_u64(key, d->records[i].where), i, 0 };
    *count = n;
    qsort(draw, n, sizeof *draw, by_label);
    for (size_t i = 1; i < n; i++)
        draw[i].rank = draw[i].label == draw[i - 1].label ? draw[i - 1].rank + 1 : 0;
    return draw;
}

/* Keep the records whose flag is set, in their order. */
static void keep(struct patch_dataset *d, const bool *kept)
{
    size_t count = 0;

    for (size_t i = 0; i < d->count; i++)
        if (kept[i]) d->records[count++] = d->records[i];
    d->count = count;
}

enum vit_status patch_dataset_limit(struct patch_dataset *d, size_t n, struct vit_error *err)
{
    bool *kept;
    struct draw *draw;
    size_t count;

    if (!n) return vit_fail(err, VIT_ERR_ARG, "a data set cannot be limited to 0 pictures");
    if (n >= d->count) return VIT_OK;
    kept = calloc(d->count, sizeof *kept);
    draw = shuffle(&count, d, NULL, PURPOSE_LIMIT);
    if (!kept || !draw) {
        free(kept);
        free(draw);
        return vit_fail(err, VIT_ERR_NOMEM, "no memory to choose from %zu pictures", d->count);
    }
    /* First the first of every class, then the second, and so on. */
    qsort(draw, count, sizeof *draw, by_rank);
    for (size_t i = 0; i < n; i++) kept[draw[i].index] = true;
    keep(d, kept);
    free(kept);
    free(draw);
    return VIT_OK;
}

/* *held: an empty data set that shares d's store and has its classes. */
static enum vit_status branch(struct patch_dataset **held, const struct patch_dataset *d,
                              struct vit_error *err)
{
    struct patch_dataset *part = calloc(1, sizeof *part);
    enum vit_status status;

    if (!part) return vit_fail(err, VIT_ERR_NOMEM, "no memory for a data set");
    part->store = d->store;
    atomic_fetch_add(&d->store->users, 1);
    status = patch_names_copy(&part->classes, &d->classes, err);
    if (status) {
        patch_dataset_close(part);
        return status;
    }
    *held = part;
    return VIT_OK;
}

/* Of n pictures under a label, at least one on each side where two are there: a class that is held out
 * nowhere would not count in any validation, and one that is held out whole could not be learnt. */
static size_t share_of(size_t n, int label, float fraction)
{
    const size_t share = (size_t)llrint((double)fraction * (double)n);

    if (n < 2 || label < 0) return share;
    if (!share) return 1;
    return share < n ? share : n - 1;
}

/* stays (count of d): false for the fraction of each class that is held out. What repeats a file goes where
 * that went, whatever its label: a network would know it. */
static bool choose(bool *stays, size_t *repeats, const struct patch_dataset *d, float fraction)
{
    size_t count = 0, *first = find_firsts(repeats, d);
    struct draw *draw = first ? shuffle(&count, d, first, PURPOSE_HOLD_OUT) : NULL;
    const bool done = draw != NULL;

    for (size_t i = 0, end; i < count; i = end) {
        size_t held;
        for (end = i + 1; end < count && draw[end].label == draw[i].label;) end++;
        held = share_of(end - i, draw[i].label, fraction);
        for (size_t j = i; j < end; j++) stays[draw[j].index] = draw[j].rank >= held;
    }
    for (size_t i = 0; done && i < d->count; i++) stays[i] = stays[first[i]];
    free(draw);
    free(first);
    return done;
}

/* Move the records that do not stay from d to part. */
static enum vit_status divide(struct patch_dataset *d, struct patch_dataset *part, const bool *stays,
                              float fraction, struct vit_error *err)
{
    enum vit_status status = VIT_OK;

    for (size_t i = 0; i < d->count && !status; i++)
        if (!stays[i]) status = patch_dataset_add(part, d->records[i].where, d->records[i].label, err);
    if (status) return status;
    if (!part->count || part->count == d->count)
        return vit_fail(err, VIT_ERR_ARG,
                        "holding out %g of %zu pictures in %zu classes leaves nothing on one side",
                        (double)fraction, d->count, d->classes.count);
    keep(d, stays);
    return VIT_OK;
}

enum vit_status patch_dataset_hold_out(struct patch_dataset *d, float fraction, struct patch_dataset **held,
                                       size_t *repeats, struct vit_error *err)
{
    bool *stays;
    size_t count;
    enum vit_status status;

    *held = NULL;
    if (!(fraction > 0 && fraction < 1))
        return vit_fail(err, VIT_ERR_ARG, "the fraction held out must be between 0 and 1, found %g",
                        (double)fraction);
    stays = calloc(d->count + 1, sizeof *stays);
    if (!stays || !choose(stays, repeats ? repeats : &count, d, fraction))
        status = vit_fail(err, VIT_ERR_NOMEM, "no memory to choose from %zu pictures", d->count);
    else
        status = branch(held, d, err);
    if (!status) status = divide(d, *held, stays, fraction, err);
    if (status) {
        patch_dataset_close(*held);
        *held = NULL;
    }
    free(stays);
    return status;
}
