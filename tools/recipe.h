/* recipe.h - the settings of a training run, as one table (recipe.def) that the command line, presets, recipe
 * files and saved states share.
 *
 * A setting is kept as the text it was given as until everything is known, because a text that was not given
 * may come from somewhere else: command line, then recipe file (or, resuming, the saved state), then preset,
 * then the table's default.
 *
 *     struct recipe_texts t = { 0 };
 *     recipe_texts_words(&t, &options->words, &err);              what the command line gave
 *     recipe_texts_file(&t, "recipe.json", &err);                 fills what is missing
 *     recipe_texts_preset(&t, &err);
 *     recipe_parse(&recipe, &t, &err);                            typed and checked
 *     recipe_config(&config, &recipe, NULL, classes, &err);       what the library wants
 *     recipe_texts_free(&t);                                      recipe points into it */
#ifndef TOOLS_RECIPE_H
#define TOOLS_RECIPE_H

#include <jansson.h>

#include "patch/feed.h"
#include "tools/cmd.h"
#include "vit/train.h"

enum recipe_id {
#define SETTING(id, name, kind, field, low, high, choice, initial, otherwise, metavar, help) RECIPE_##id,
#include "tools/recipe.def"
#undef SETTING
    RECIPE_SETTINGS
};

struct recipe {
    const char *preset, *stem, *pool, *position;            /* NULL, but for preset: the preset's */
    int image, patch, width, depth, heads, hidden, classes; /* 0: the preset's, or the data's */

    const char *norm, *norm_kind, *final_norm, *init;
    const char *from; /* NULL: the preset's network, drawn */
    bool qk_norm, embed_norm, zero_head;
    float out_gain, position_std, layer_scale;

    const char *optimizer, *schedule, *warmup;
    float lr, muon_lr, beta2, lr_end, weight_decay, clip, ema;
    int epochs, batch, accumulate;
    bool decay_all;

    float label_smoothing, drop_path, attn_drop, patch_drop, erase, mixup, cutmix, mix_prob, mix_off;
    const char *teacher; /* NULL: none */
    float teacher_share;
    const char *augment, *flip, *padding;
    const char *dtype;

    uint64_t seed, limit, max_pixels; /* limit 0: all */
    bool no_exif;
    const char *crop_mode; /* NULL: the network's, or as its size wants it */
    float crop_pct;        /* 0: the same */
    float val;
    bool val_split;            /* in the place of val */
    int eval_every, log_every; /* log_every 0: epochs only */
};

/* What the command line gave: right after the struct cmd_common of a verb's options. */
struct recipe_words {
    const char *text[RECIPE_SETTINGS]; /* NULL: not given */
    bool flag[RECIPE_SETTINGS];
};
extern const struct args_group recipe_network_group, recipe_norm_group, recipe_optimizer_group,
    recipe_augment_group, recipe_run_group;
/* The groups of a verb that takes all settings, after its own. */
#define RECIPE_GROUPS                                                                                        \
    &recipe_network_group, &recipe_norm_group, &recipe_optimizer_group, &recipe_augment_group,               \
        &recipe_run_group, &cmd_training_group

/* One text for each setting, or NULL; flags are "on" and "off". Owned. */
struct recipe_texts {
    char *text[RECIPE_SETTINGS];
};
const char *recipe_name(enum recipe_id id);              /* "weight-decay" */
const char *recipe_key(enum recipe_id id);               /* "weight_decay", in lines of results */
int recipe_find(const char *name);                       /* -1: no setting is called so */
const struct args_option *recipe_row(enum recipe_id id); /* kind, and place in struct recipe */

enum vit_status recipe_texts_words(struct recipe_texts *t, const struct recipe_words *words,
                                   struct vit_error *err);
/* Each of these sets only what is not set yet. text NULL: there is nothing to set. */
enum vit_status recipe_texts_set(struct recipe_texts *t, enum recipe_id id, const char *text,
                                 struct vit_error *err);
enum vit_status recipe_texts_fill(struct recipe_texts *t, const struct recipe_texts *from,
                                  struct vit_error *err);
/* object: names to values, numbers as numbers; where names it in errors. */
enum vit_status recipe_texts_json(struct recipe_texts *t, const json_t *object, const char *where,
                                  struct vit_error *err);
/* A value as text (free it), when it is of the setting's kind. */
enum vit_status recipe_json_text(char **out, enum recipe_id id, const json_t *value, const char *where,
                                 struct vit_error *err);
/* The sentence about a key that is no setting: VIT_ERR_FORMAT. */
enum vit_status recipe_unknown(const char *where, const char *key, struct vit_error *err);
enum vit_status recipe_texts_file(struct recipe_texts *t, const char *path, struct vit_error *err);
/* The preset's, also its name where that is not the table's: fine-tune, when from is set and no preset. */
enum vit_status recipe_texts_preset(struct recipe_texts *t, struct vit_error *err);
/* { name: text } of those that are set, which recipe_texts_saved reads back; NULL: no memory. */
json_t *recipe_texts_save(const struct recipe_texts *t);
enum vit_status recipe_texts_saved(struct recipe_texts *t, const json_t *object, const char *where,
                                   struct vit_error *err);
void recipe_texts_free(struct recipe_texts *t);

/* VIT_ERR_ARG: path is not UTF-8, so that JSON, which states and sweep.json are, cannot keep it. The sentence
 * begins with option, "--from". */
enum vit_status recipe_check_path(const char *option, const char *path, struct vit_error *err);
/* Texts point into t, which must outlive *out. The sentence names the option. */
enum vit_status recipe_parse(struct recipe *out, const struct recipe_texts *t, struct vit_error *err);
/* What a setting has: its text, or in words what stands for it where there is none. */
const char *recipe_texts_value(const struct recipe_texts *t, enum recipe_id id);
/* What is said of validation, as options: "--val 0.1", or "--val-split" in its place; returns text. */
const char *recipe_texts_validation(char *text, size_t size, const struct recipe_texts *t);
bool recipe_same_text(const char *a, const char *b); /* NULL, not given, is the same as NULL alone */
/* The first setting whose value differs, -1: none. */
int recipe_difference(const struct recipe *a, const struct recipe *b);

/* ---- several values of a setting (recipe_lists.c) ---- */

/* All different, checked one by one and in one form for each value: 0.001 for 1e-3. */
struct recipe_list {
    int count;  /* 0: not given */
    bool filed; /* in a recipe file */
    char **text;
};
struct recipe_lists {
    struct recipe_list of[RECIPE_SETTINGS];
};
/* One more value. VIT_ERR_ARG: it is wrong, or there already. */
enum vit_status recipe_lists_add(struct recipe_lists *l, enum recipe_id id, const char *text,
                                 struct vit_error *err);
int recipe_lists_find(const struct recipe_lists *l, enum recipe_id id, const char *text); /* -1: not there */
/* Each of these sets only what is not set yet. Words: separated by commas. A file: as recipe_texts_file takes
 * it, where values may be arrays. */
enum vit_status recipe_lists_words(struct recipe_lists *l, const struct recipe_words *words,
                                   struct vit_error *err);
enum vit_status recipe_lists_file(struct recipe_lists *l, const char *path, struct vit_error *err);
enum vit_status recipe_lists_fill(struct recipe_lists *l, const struct recipe_lists *from,
                                  struct vit_error *err);
/* { name: [text, ...] } of those that are set, which recipe_lists_saved reads back; NULL: no memory. */
json_t *recipe_lists_save(const struct recipe_lists *l);
enum vit_status recipe_lists_saved(struct recipe_lists *l, const json_t *object, const char *where,
                                   struct vit_error *err);
void recipe_lists_free(struct recipe_lists *l);

/* Numbers of the product of all lists: how many there are, 0: more than most; and what one of them has, norm
 * changing first. t is empty. */
int recipe_lists_product(const struct recipe_lists *l, int most);
enum vit_status recipe_lists_texts(struct recipe_texts *t, const struct recipe_lists *l, int number,
                                   struct vit_error *err);

/* A setting as JSON of its kind; null: what stands for it is decided elsewhere (the preset's). */
json_t *recipe_value(const struct recipe *r, enum recipe_id id);
/* That of a setting in a line or among saved settings; NULL: neither has it. */
const json_t *recipe_value_in(const json_t *object, enum recipe_id id);

/* ---- settings that only some recipes read (recipe_needs.c) ---- */

struct recipe_readers {
    int recipes, of[RECIPE_SETTINGS];  /* in all, and those that read a setting */
    const char *lack[RECIPE_SETTINGS]; /* of one that does not: "without --optimizer muon" */
};
void recipe_readers_add(struct recipe_readers *to, const struct recipe *r); /* begins with zeros */
/* VIT_ERR_ARG: none of the recipes, one at least, reads a setting that the command line gave. */
enum vit_status recipe_readers_check(const struct recipe_readers *of, const struct recipe_words *given,
                                     struct vit_error *err);
/* Says which of these settings none of them reads. file: where they stand; NULL: on the command line. */
void recipe_readers_warn(const struct recipe_readers *of, const bool settings[RECIPE_SETTINGS],
                         const char *file, const struct cmd_common *o);

/* ---- what the library wants (recipe_model.c) ---- */

/* A trained network that a recipe starts from, and what its pictures go through. */
struct recipe_base {
    struct vit_config config;
    struct patch_recipe pictures;
};
/* The network of a preset; VIT_ERR_ARG: there is no such preset, or it is for trained ones, as base is. */
enum vit_status recipe_network(struct vit_config *c, const char *preset, struct vit_error *err);
/* That of --from, at the image size of r. VIT_ERR_UNSUPPORTED: it takes other than pictures, or cannot be
 * trained. */
enum vit_status recipe_base_open(struct recipe_base *b, const struct recipe *r, const struct cmd_common *o,
                                 struct vit_error *err);
/* The network of base (NULL: that of the preset) with what r changes. */
enum vit_status recipe_config(struct vit_config *c, const struct recipe *r, const struct recipe_base *base,
                              int classes, struct vit_error *err);
/* The word of a stem that recipe_config made; NULL: it made none like it. */
const char *recipe_stem_name(const struct patch_stem *s);
struct vit_init recipe_init(const struct recipe *r);
/* "500" of so many steps, or "5%" of them. */
enum vit_status recipe_steps(int *out, const char *option, const char *text, int steps,
                             struct vit_error *err);
/* How many whole batches pictures make; none is an error. */
enum vit_status recipe_batches(int *out, const struct recipe *r, size_t pictures, struct vit_error *err);
/* batches: of an epoch. */
enum vit_status recipe_hyper(struct vit_hyper *h, const struct recipe *r, int batches, struct vit_error *err);
enum vit_status recipe_feed(struct patch_feed_options *o, const struct recipe *r,
                            const struct patch_recipe *p, struct vit_error *err);
/* Whether batches of an epoch (0-based) are mixed. */
bool recipe_mixes(const struct recipe *r, int epoch);

/* ---- what pictures go through (recipe_pictures.c) ---- */

/* The base's. Without one, for networks of up to 64 pixels: a square whatever the shape, CIFAR-10's mean and
 * deviation, or CIFAR-100's where kind, the data set's, says that it is that one. For larger networks: the
 * centre of the short side, ImageNet's mean and deviation. In both cases with the crop that r (may be NULL)
 * asks for. */
struct patch_recipe recipe_pictures(const struct recipe *r, const struct recipe_base *base, int image,
                                    const char *kind);
struct patch_decode recipe_decode(const struct recipe *r);
/* "squashed to 32 x 32 pixels, bicubic, mean and deviation of CIFAR-10"; returns text. */
const char *recipe_pictures_text(char *text, size_t size, const struct patch_recipe *p);

/* Words of the settings' choices; NULL past the end. */
const char *recipe_init_word(int i);
const char *recipe_stem_word(int i);
const char *recipe_pool_word(int i);
const char *recipe_position_word(int i);
const char *recipe_flip_word(int i);
const char *recipe_padding_word(int i);

#endif
