/* probe.h - the parts of vit probe: which networks (probe_grid.c), which pictures (probe_data.c), and how
 * what was measured is printed (probe_json.c, probe_table.c). */
#ifndef TOOLS_PROBE_H
#define TOOLS_PROBE_H

#include <limits.h>

#include "tools/recipe.h"
#include "vit/probe.h"

struct probe_options {
    struct cmd_common common;
    struct recipe_words words; /* of new networks, each a list; right here: the shared rows point to it */
    const char *data, *split;
    uint64_t limit, max_pixels;
    int seeds, steps, batch; /* seeds 0: not given */
    float lr;
    bool noise, blocks;
};

/* ---- which networks ---- */

/* Lists of new networks when nobody says otherwise. The gain of output norms is 1, so that a branch which is
 * normalised last is seen at all. */
#define PROBE_NORM     "pre,post,deepnorm"
#define PROBE_DEPTH    "6,12,24"
#define PROBE_INIT     "xavier,trunc02"
#define PROBE_IMAGE    "32"
#define PROBE_PATCH    "8"
#define PROBE_WIDTH    "128"
#define PROBE_HEADS    "4"
#define PROBE_HIDDEN   "256"
#define PROBE_POOL     "mean"
#define PROBE_OUT_GAIN "1"
#define PROBE_BATCH    "16" /* pictures at a time: sums are rounded by it */

/* One condition: a placement in a new network of some depth, or in a model of a file. */
struct probe_cell {
    struct recipe_texts texts; /* owned; recipe points into it */
    struct recipe recipe;
    struct vit_config config;
    char norm[32];
    const char *init;  /* "xavier"; "checkpoint" for a model of a file */
    char heading[256]; /* what tells its group from others: all that differs but placement and depth */
    bool opens;        /* the first of its group */
};

struct probe_grid {
    struct probe_cell *cell; /* (count): groups, in them placements, in them depths */
    size_t count;
};

/* Every combination of the lists; classes are those of the data. */
enum vit_status probe_grid_networks(struct probe_grid *g, const struct recipe_words *words,
                                    struct vit_error *err);
/* The placements of a list, for the model of a file; NULL: the file's own, "". */
enum vit_status probe_grid_placements(struct probe_grid *g, const char *model, const char *norms,
                                      struct vit_error *err);
void probe_grid_free(struct probe_grid *g);
/* Whether words hold settings of a new network; *name: the first of them. */
bool probe_grid_new(const struct recipe_words *words, const char **name);

/* ---- which pictures ---- */

enum { PROBE_CHANNELS = 3, PROBE_NOISE_CLASSES = 10 };

struct probe_data {
    const struct probe_options *options;
    struct patch_dataset *set; /* NULL: noise */
    const char *path;          /* as it is printed; "noise" */
    char samples[PATH_MAX];    /* what path may be */
    struct patch_recipe recipe;
    int count, room; /* pictures that could be read, and asked for */
    size_t failed;   /* pictures */
    bool reported;   /* why they did */
    bool in_turn;    /* set, of other classes than the network's: labels are 0, 1, ..., as with noise */
    float *planes;   /* (count, 3, size, size) of recipe */
    int *labels;     /* (count) */
};

/* Both return an exit code. */
int probe_data_open(struct probe_data *d, const struct probe_options *o);
/* Make planes and labels for a network; nothing is done again when recipe has the size of the last call's. */
int probe_data_read(struct probe_data *d, const struct patch_recipe *recipe, int classes);
void probe_data_close(struct probe_data *d);

/* ---- how it is printed ---- */

/* Tokens of a picture are parallel from this mean cosine on: attention has nothing left to tell apart, and
 * learning begins with pulling them asunder. */
#define PROBE_PARALLEL 0.99

/* One measurement. */
struct probe_found {
    const struct probe_options *options;
    const struct probe_data *data;
    const struct vit_model *model;
    const struct vit_probe *probe;
    uint64_t seed; /* of the network, or of noise that a model is shown */
};

/* A row for every block. False: stdout is broken. */
bool probe_json(const struct probe_cell *cell, const struct probe_found *f);

/* Tables, of a group when its last cell has its last seed. */
struct probe_table;
enum vit_status probe_table_create(struct probe_table **out, const struct probe_grid *g,
                                   const struct probe_options *o, int seeds, struct vit_error *err);
enum vit_status probe_table_add(struct probe_table *t, size_t cell, const struct probe_found *f,
                                struct vit_error *err);
void probe_table_close(struct probe_table *t); /* accepts NULL */

#endif
