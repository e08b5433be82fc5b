/* Rows of options that several verbs have, and the words of their choices. */
#include <string.h>

#include "tools/cmd.h"

/* ---- words of choices ---- */

static const char *dtype_word(int i)
{
    return i < KERN_DTYPES ? kern_dtype_name((enum kern_dtype)i) : NULL;
}

const char *cmd_filter_word(int i)
{
    return i < PATCH_FILTERS ? patch_filter_name((enum patch_filter)i) : NULL;
}

const char *cmd_crop_word(int i)
{
    static const char *const WORDS[] = { "center", "squash", NULL };
    return WORDS[i];
}

void cmd_crop(struct patch_recipe *p, const char *mode, float pct)
{
    const bool squash = mode ? strcmp(mode, "squash") == 0 : p->squash;

    if (squash && !p->squash) p->crop_pct = 1;
    p->squash = squash;
    if (pct > 0) p->crop_pct = pct;
}

const char *cmd_split_word(int i)
{
    return i < PATCH_SPLITS ? patch_split_name((enum patch_split)i) : NULL;
}

const char *cmd_placement_word(int i)
{
    if (i >= VIT_PLACEMENTS) return NULL;
    return i == VIT_NORM_MIX ? "mix:F" : vit_placement_name((enum vit_placement)i);
}

const char *cmd_norm_kind_word(int i)
{
    return i < KERN_NORM_KINDS ? kern_norm_kind_name((enum kern_norm_kind)i) : NULL;
}

const char *cmd_switch_word(int i)
{
    static const char *const WORDS[] = { "auto", "on", "off", NULL };
    return WORDS[i];
}

/* ---- shared options ---- */

#define AT(field) offsetof(struct cmd_common, field)
/* Rows that several groups hold. */
#define KERNELS_ROW                                                                                          \
    {                                                                                                        \
        .name = "kernels", .kind = ARGS_TEXT, .at = AT(kernels), .metavar = "SPEC",                          \
        .otherwise = "VIT_KERNELS, else auto",                                                               \
        .help = "kernels by name, as in ref+avx2; vit info lists them"                                       \
    }
#define TALK_ROWS                                                                                            \
    { .name = "quiet",                                                                                       \
      .letter = 'q',                                                                                         \
      .kind = ARGS_FLAG,                                                                                     \
      .at = AT(quiet),                                                                                       \
      .help = "no progress and no warnings, only errors" },                                                  \
        { .name = "verbose",                                                                                 \
          .letter = 'v',                                                                                     \
          .kind = ARGS_FLAG,                                                                                 \
          .at = AT(verbose),                                                                                 \
          .help = "say what was inferred and chosen" },                                                      \
        { .name = "help", .letter = 'h', .kind = ARGS_FLAG, .at = AT(help), .help = "explain this verb" },   \
    {                                                                                                        \
        .name = "version", .kind = ARGS_FLAG, .at = AT(version),                                             \
        .help = "version, build flags, kernels this CPU can run, decoders"                                   \
    }

static const struct args_option COMMON[] = {
    { .name = "model",
      .letter = 'm',
      .kind = ARGS_PATH,
      .at = AT(model),
      .metavar = "MODEL",
      .otherwise = CMD_DEFAULT_MODEL,
      .help = "a .safetensors, .npz, .pth or .bin file, a folder as downloaded from a model hub, "
              "builtin:pre or builtin:post" },
    { .name = "size",
      .kind = ARGS_INT,
      .at = AT(size),
      .low = 1,
      .high = 8192,
      .metavar = "N",
      .otherwise = "the model's",
      .help = "run at another image size, in pixels a side" },
    { .name = "dtype",
      .kind = ARGS_CHOICE,
      .at = AT(dtype),
      .choice = dtype_word,
      .initial = "f32",
      .metavar = "TYPE",
      .help = "numbers of the products; int8 is for inference" },
    KERNELS_ROW,
    { .name = "seed",
      .kind = ARGS_COUNT,
      .at = AT(seed),
      .low = 0,
      .high = 0x1p63,
      .initial = "0",
      .metavar = "N",
      .help = "where random numbers start, in verbs that draw any" },
    { .name = "json", .kind = ARGS_FLAG, .at = AT(json), .help = "results as JSON" },
    TALK_ROWS,
    CMD_THREADS_ROW("threads to compute with"),
};
const struct args_group cmd_common_group = { "Common options", COMMON, VIT_COUNT(COMMON) };
/* The first row is --model, the last --threads. */
const struct args_group cmd_modelless_group = { "Common options", COMMON + 1, VIT_COUNT(COMMON) - 1 };
const struct args_group cmd_unthreaded_group = { "Common options", COMMON, VIT_COUNT(COMMON) - 1 };
const struct args_group cmd_bare_group = { "Common options", COMMON + 1, VIT_COUNT(COMMON) - 2 };

static const struct args_option TRAINING[] = {
    CMD_THREADS_ROW("threads to compute with; one more prepares pictures"),
    KERNELS_ROW,
    { .name = "json", .kind = ARGS_FLAG, .at = AT(json), .help = "the result as JSON" },
    TALK_ROWS,
};
const struct args_group cmd_training_group = { "Common options", TRAINING, VIT_COUNT(TRAINING) };

static const struct args_option TALK[] = { TALK_ROWS };
const struct args_group cmd_talk_group = { "Common options", TALK, VIT_COUNT(TALK) };

static const struct args_option NORM[] = {
    { .name = "norm",
      .kind = ARGS_TEXT,
      .at = AT(norm),
      .choice = cmd_placement_word,
      .metavar = "PLACEMENT",
      .otherwise = "the model's",
      .help = "put the norms elsewhere at run time (weights trained for another placement are expected "
              "to lose)" },
    { .name = "final-norm",
      .kind = ARGS_CHOICE,
      .at = AT(final_norm),
      .choice = cmd_switch_word,
      .metavar = "WHEN",
      .initial = "auto",
      .help = "the norm after the last block; auto keeps the model's" },
};
const struct args_group cmd_norm_group = { "Norm placement", NORM, VIT_COUNT(NORM) };
