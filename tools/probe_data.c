/* The pictures of vit probe: one fixed batch, the same for every network. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/eval.h"
#include "tools/probe.h"
#include "vit/arena.h"
#include "vit/random.h"

/* The pictures that come with the program, from the folder it lies in: the source tree's, or installed. */
static const char *const SAMPLES[] = { "../samples/labels.csv", "../share/libvit/samples/labels.csv" };

/* In text; where neither is there, of the working directory. */
static const char *find_samples(char text[PATH_MAX])
{
    char program[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);

    program[length > 0 ? length : 0] = '\0';
    char *name = strrchr(program, '/');
    for (size_t i = 0; name && i < VIT_COUNT(SAMPLES); i++) {
        const int n = snprintf(text, PATH_MAX, "%.*s/%s", (int)(name - program), program, SAMPLES[i]);
        if (n < PATH_MAX && !access(text, R_OK)) return text;
    }
    snprintf(text, PATH_MAX, "samples/labels.csv");
    return text;
}

int probe_data_open(struct probe_data *d, const struct probe_options *o)
{
    struct eval_part part;
    const char *name;
    struct vit_error err;

    *d = (struct probe_data){ .options = o, .path = o->noise ? "noise" : o->data };
    if (o->noise) {
        d->room = (int)o->limit;
        return CMD_DONE;
    }
    if (!d->path) d->path = find_samples(d->samples);
    part = (struct eval_part){ d->path, o->split, (size_t)o->limit, 0 };
    if (eval_data_open(&d->set, &name, &part, NULL, &err)) {
        if (o->data) return cmd_unusable(&err);
        return cmd_usage("%s; --data PATH names a data set with labels, whose pictures are to be used",
                         err.text);
    }
    d->room = (int)patch_dataset_count(d->set);
    return CMD_DONE;
}

void probe_data_close(struct probe_data *d)
{
    patch_dataset_close(d->set);
    free(d->planes);
    free(d->labels);
}

/* Independent numbers of variance 1: what the theory assumes, and no picture has. */
static void draw(struct probe_data *d, size_t floats)
{
    const uint64_t key = vit_key(d->options->common.seed, 0x6e6f697365); /* "noise" */

    for (d->count = 0; d->count < d->room; d->count++) {
        const size_t first = (size_t)d->count * floats;
        for (size_t i = 0; i < floats; i++) d->planes[first + i] = (float)vit_random_normal(key, first + i);
    }
}

static void add_batch(struct probe_data *d, const struct patch_batch *b, size_t floats)
{
    memcpy(d->planes + (size_t)d->count * floats, b->planes, (size_t)b->rows * floats * sizeof *b->planes);
    memcpy(d->labels + d->count, b->labels, (size_t)b->rows * sizeof *b->labels);
    d->count += b->rows;
    for (int i = 0; i < b->count && !d->reported; i++) {
        if (!b->items[i].status) continue;
        cmd_error("%s", b->items[i].error.text);
        d->failed++;
    }
}

static int read_set(struct probe_data *d, size_t floats)
{
    enum { BATCH = 64 };
    const struct patch_loader_options options = { .batch = BATCH,
                                                  .decode = cmd_decode(d->options->max_pixels, false) };
    const struct patch_batch *b;
    struct patch_loader *loader;
    struct vit_error err;

    if (patch_loader_create(&loader, d->set, &d->recipe, &options, &err)) return cmd_unusable(&err);
    d->count = 0;
    while ((b = patch_loader_next(loader))) add_batch(d, b, floats);
    patch_loader_close(loader);
    d->reported = true;
    if (d->count) return CMD_DONE;
    cmd_error("%s: none of its %d pictures can be read", d->path, d->room);
    return CMD_UNUSABLE;
}

int probe_data_read(struct probe_data *d, const struct patch_recipe *recipe, int classes)
{
    const size_t floats = PROBE_CHANNELS * (size_t)recipe->size * (size_t)recipe->size;
    size_t bytes = sizeof(float);
    int code = CMD_DONE;

    if (d->planes && d->recipe.size == recipe->size) return CMD_DONE;
    free(d->planes);
    free(d->labels);
    d->labels = malloc((size_t)d->room * sizeof *d->labels);
    d->planes = vit_size_mul(&bytes, (size_t)d->room) && vit_size_mul(&bytes, floats) ? malloc(bytes) : NULL;
    if (!d->planes || !d->labels) {
        cmd_error("%s: no memory for %d pictures of %d pixels a side; --limit takes fewer", d->path, d->room,
                  recipe->size);
        return CMD_UNUSABLE;
    }
    d->recipe = *recipe;
    if (d->set)
        code = read_set(d, floats);
    else
        draw(d, floats);
    for (int i = 0; i < d->count && (d->in_turn || !d->set); i++) d->labels[i] = i % classes;
    return code;
}
