/* What the cells of a sweep have in common: pictures, opened and read once. */
#include <stdlib.h>

#include "patch/feed_store.h"
#include "tools/sweep.h"

/* ---- sources ---- */

/* The test split, its labels in the order of the training split's. */
static enum vit_status open_test(struct sweep_source *source, const char *path, struct vit_error *err)
{
    unsigned splits;
    enum vit_status status = patch_dataset_splits(&splits, path, err);

    if (status || !(splits & 1u << PATCH_TEST)) return status;
    return train_data_open_split(&source->test, source->digest, source->data.training, path, PATCH_TEST,
                                 (size_t)source->recipe->limit, err);
}

static enum vit_status add_source(struct sweep *s, const struct sweep_cell *c, const struct recipe_base *base,
                                  struct vit_error *err)
{
    const size_t size = ((size_t)s->source_count + 1) * sizeof *s->sources;
    struct sweep_source *longer = realloc(s->sources, size), *source;
    enum vit_status status;

    if (!longer) return vit_fail(err, VIT_ERR_NOMEM, "no memory for a data set");
    s->sources = longer;
    source = &s->sources[s->source_count++];
    *source = (struct sweep_source){ .recipe = &c->recipe, .image = c->config.image };
    status = train_data_open(&source->data, s->data, &c->recipe, err);
    if (!status && s->test) status = open_test(source, s->data, err);
    if (!status)
        source->pictures =
            recipe_pictures(&c->recipe, base, source->image, patch_dataset_kind(source->data.training));
    return status;
}

static bool same_division(const struct recipe *a, const struct recipe *b)
{
    return a->limit == b->limit && a->val == b->val && a->val_split == b->val_split;
}

static bool same_pictures(const struct recipe *a, const struct recipe *b)
{
    return same_division(a, b) && a->max_pixels == b->max_pixels && a->no_exif == b->no_exif &&
           a->crop_pct == b->crop_pct && recipe_same_text(a->crop_mode, b->crop_mode) &&
           recipe_same_text(a->from, b->from);
}

static enum vit_status find_source(struct sweep *s, struct sweep_cell *c, const struct recipe_base *base,
                                   struct vit_error *err)
{
    for (c->source = 0; c->source < s->source_count; c->source++) {
        const struct sweep_source *have = &s->sources[c->source];
        if (have->image == c->config.image && same_pictures(have->recipe, &c->recipe)) return VIT_OK;
    }
    return add_source(s, c, base, err);
}

/* ---- cells ---- */

/* Training: one product forward, two back, 2 flops each a multiply-add. A teacher's answers are not in it. */
static double flops_of(const struct sweep_cell *c, const struct vit_hyper *h,
                       const struct sweep_source *source)
{
    const struct recipe *r = &c->recipe;
    const int validations = (r->epochs + r->eval_every - 1) / r->eval_every * (r->ema > 0 ? 2 : 1);
    double seen = 0;

    if (source->data.held) seen += (double)validations * (double)patch_dataset_count(source->data.held);
    if (source->test) seen += (double)patch_dataset_count(source->test);
    return 6 * vit_training_macs(&c->config, h) * c->steps * r->batch +
           2 * vit_config_macs(&c->config) * seen;
}

/* The network that cells start from: neighbours mostly share it. */
struct start {
    const char *from; /* NULL: none was opened yet */
    int image;
    struct recipe_base base;
};

/* *base NULL: the cell's weights are drawn. */
static enum vit_status find_base(const struct recipe_base **base, struct start *start, const struct sweep *s,
                                 const struct recipe *r, struct vit_error *err)
{
    *base = r->from ? &start->base : NULL;
    if (!r->from || (recipe_same_text(start->from, r->from) && start->image == r->image)) return VIT_OK;
    start->from = r->from, start->image = r->image;
    return recipe_base_open(&start->base, r, &s->common, err);
}

/* Everything that train would refuse is refused before the first cell starts. */
static enum vit_status complete(struct sweep *s, struct sweep_cell *c, const struct recipe_base *base,
                                struct vit_error *err)
{
    const struct recipe *r = &c->recipe;
    struct patch_feed_options feed;
    struct vit_hyper hyper;
    size_t count;
    int dead_after;
    enum vit_status status = recipe_config(&c->config, r, base, s->classes, err);
    if (!status) status = find_source(s, c, base, err);
    if (status) return status;
    count = patch_dataset_count(s->sources[c->source].data.training);
    status = recipe_batches(&c->batches, r, count, err);
    if (status) return status;
    status = recipe_hyper(&hyper, r, c->batches, err);
    if (!status) status = recipe_feed(&feed, r, &s->sources[c->source].pictures, err);
    if (!status) status = train_dead_after(&dead_after, s->dead_after, hyper.steps, err);
    c->steps = hyper.steps;
    c->flops = flops_of(c, &hyper, &s->sources[c->source]);
    return status;
}

/* ---- teachers ---- */

/* Whether it is the one that the sweep began with; pictures of another size ask for other positions. */
static enum vit_status check_teacher(const struct sweep *s, const struct sweep_teacher *t, int image,
                                     struct vit_error *err)
{
    enum vit_status status;
    const json_t *one;
    size_t i;

    json_array_foreach(s->begun_teachers, i, one)
    {
        const char *digest = json_string_value(json_object_get(one, "digest"));

        if (!recipe_same_text(json_string_value(json_object_get(one, "teacher")), t->names)) continue;
        if (json_integer_value(json_object_get(one, "image")) != image) continue;
        status = train_again_teacher(t->names, t->digest, t->names, digest, "sweep", s->options->out, err);
        if (status) return status;
    }
    return VIT_OK;
}

static enum vit_status add_teacher(struct sweep *s, const struct sweep_cell *c, struct vit_error *err)
{
    const size_t size = ((size_t)s->teacher_count + 1) * sizeof *s->teachers;
    struct sweep_teacher *longer = realloc(s->teachers, size), *t;
    const struct sweep_source *source = &s->sources[c->source];
    struct train_teacher *teacher;
    enum vit_status status;

    if (!longer) return vit_fail(err, VIT_ERR_NOMEM, "no memory for a teacher");
    s->teachers = longer;
    status =
        train_teacher_open(&teacher, &c->recipe, source->data.training, &source->pictures, &s->common, err);
    if (status) return status;
    t = &s->teachers[s->teacher_count++];
    *t = (struct sweep_teacher){ .names = c->recipe.teacher,
                                 .source = c->source,
                                 .macs = train_teacher_macs(teacher) };
    snprintf(t->digest, sizeof t->digest, "%s", train_teacher_digest(teacher));
    train_teacher_close(teacher);
    return check_teacher(s, t, source->image, err);
}

/* The cell's, where it has one, and what its answers cost. */
static enum vit_status find_teacher(struct sweep *s, struct sweep_cell *c, struct vit_error *err)
{
    enum vit_status status = VIT_OK;
    int i = 0;

    if (!c->recipe.teacher) return VIT_OK;
    while (i < s->teacher_count &&
           (s->teachers[i].source != c->source || !recipe_same_text(s->teachers[i].names, c->recipe.teacher)))
        i++;
    if (i == s->teacher_count) status = add_teacher(s, c, err);
    if (!status) c->flops += 2 * s->teachers[i].macs * c->steps * c->recipe.batch;
    return status;
}

/* ---- all of it ---- */

/* Cells that saw other pictures than those before them would be compared as if they had not. */
static enum vit_status count_data(struct sweep *s, struct vit_error *err)
{
    const struct recipe everything = { 0 };
    struct train_data d;
    enum vit_status status = train_data_open(&d, s->data, &everything, err);

    if (status) return status;
    s->classes = patch_dataset_classes(d.training);
    s->pictures = (int)patch_dataset_count(d.training);
    train_data_close(&d);
    if (s->begun_with && s->begun_with != s->pictures)
        return vit_fail(err, VIT_ERR_ARG,
                        "%s: the sweep in %s began with %d training pictures, now there are %d", s->data,
                        s->options->out, s->begun_with, s->pictures);
    status = train_data_digest(s->digest, s->data, s->splits, err);
    return status ? status
                  : train_again_digest(s->data, s->digest, s->begun_digest, "sweep", s->options->out, err);
}

/* Of each division once, in whatever else its cells differ. */
static void warn_divided(const struct sweep *s)
{
    for (int i = 0; i < s->source_count; i++) {
        int before = 0;
        while (!same_division(s->sources[before].recipe, s->sources[i].recipe)) before++;
        if (before == i) train_data_warn_divided(&s->common, s->data, &s->sources[i].data);
    }
}

int sweep_data_open(struct sweep *s)
{
    struct start start = { 0 };
    const struct recipe_base *base;
    struct vit_error err;

    if (count_data(s, &err)) return cmd_unusable(&err);
    for (int i = 0; i < s->count; i++) {
        struct sweep_cell *c = &s->cells[i];
        const bool found = !find_base(&base, &start, s, &c->recipe, &err);
        const bool whole = found && !complete(s, c, base, &err);

        if (whole && !find_teacher(s, c, &err)) continue;
        cmd_error("cell %s: %s", c->id, err.text);
        if (found && !whole && err.status == VIT_ERR_FORMAT) return CMD_USAGE; /* sizes that are no network */
        return err.status == VIT_ERR_ARG ? CMD_USAGE : CMD_UNUSABLE;
    }
    for (int i = 0; i < s->count; i++) {
        if (s->cells[i].recipe.val_split) continue;
        train_data_warn(&s->common, s->data, &s->cells[i].recipe);
        break;
    }
    warn_divided(s);
    return CMD_DONE;
}

/* ---- reading ---- */

static size_t keep_account(struct sweep *s, const struct patch_feed_store *store)
{
    if (!store) return 0;
    for (size_t i = 0; i < store->failed && i < PATCH_FEED_ERRORS; i++) cmd_error("%s", store->error[i]);
    if (store->failed > PATCH_FEED_ERRORS)
        cmd_error("%s: %zu more pictures cannot be read and are left out", s->data,
                  store->failed - PATCH_FEED_ERRORS);
    s->unread |= store->failed > 0;
    return store->pixels ? store->count * store->picture_bytes : 0;
}

enum vit_status sweep_data_read(struct sweep *s, struct sweep_source *source, struct vit_error *err)
{
    /* The parts of a source may each fill what the sources before it left. */
    const size_t left = s->cached < PATCH_FEED_CACHE ? PATCH_FEED_CACHE - s->cached : 0;
    struct train_data *d = &source->data;
    enum vit_status status;

    if (source->read) return VIT_OK;
    status = train_data_read(d, &source->pictures, left, &s->common, err);
    if (!status && source->test)
        status = train_data_read_set(&source->test_store, source->test, &source->pictures, &d->decode, left,
                                     &s->common, err);
    if (status) return status;
    s->cached += keep_account(s, d->store);
    s->cached += keep_account(s, d->held_store);
    s->cached += keep_account(s, source->test_store);
    source->read = true;
    return VIT_OK;
}

void sweep_data_close(struct sweep *s)
{
    for (int i = 0; i < s->source_count; i++) {
        patch_feed_store_close(s->sources[i].test_store);
        patch_dataset_close(s->sources[i].test);
        train_data_close(&s->sources[i].data);
    }
    free(s->sources);
    free(s->teachers);
    s->sources = NULL;
    s->teachers = NULL;
    s->source_count = s->teacher_count = 0;
}
