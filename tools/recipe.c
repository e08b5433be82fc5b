/* The table of settings, twice: as options of a verb (texts, so that it is known which were given) and typed,
 * as args_parse checks them. */
#include "tools/recipe.h"

#include <stdlib.h>
#include <string.h>

#include "tools/recipe_preset.h"

/* ---- words of the choices ---- */

const char *recipe_init_word(int i)
{
    return i < VIT_INITS ? vit_init_name((enum vit_init_kind)i) : NULL;
}

static const char *optimizer_word(int i)
{
    return i < VIT_OPTIMIZERS ? vit_optimizer_name((enum vit_optimizer)i) : NULL;
}

static const char *schedule_word(int i)
{
    return i < VIT_SCHEDULES ? vit_schedule_name((enum vit_schedule)i) : NULL;
}

static const char *dtype_word(int i)
{
    static const enum kern_dtype TRAINED[] = { KERN_F32, KERN_BF16 };
    return i < (int)VIT_COUNT(TRAINED) ? kern_dtype_name(TRAINED[i]) : NULL;
}

/* ---- the table, typed ---- */

#define SETTING(id, option, type, field, lowest, highest, words, first, fallback, meta, text)                \
    { .name = option,                                                                                        \
      .kind = ARGS_##type,                                                                                   \
      .at = offsetof(struct recipe, field),                                                                  \
      .low = lowest,                                                                                         \
      .high = highest,                                                                                       \
      .choice = words,                                                                                       \
      .initial = first,                                                                                      \
      .metavar = meta },
static const struct args_option TYPED[] = {
#include "tools/recipe.def"
};
#undef SETTING
_Static_assert(VIT_COUNT(TYPED) == RECIPE_SETTINGS, "a setting has no row");

/* ---- the table, as options of a verb: every value a text ---- */

#define SETTING(id, option, type, field, lowest, highest, words, first, fallback, meta, text_)               \
    { .name = option,                                                                                        \
      .kind = ARGS_##type == ARGS_FLAG ? ARGS_FLAG : ARGS_TEXT,                                              \
      .at = sizeof(struct cmd_common) +                                                                      \
            (ARGS_##type == ARGS_FLAG                                                                        \
                 ? offsetof(struct recipe_words, flag) + RECIPE_##id                                         \
                 : offsetof(struct recipe_words, text) + RECIPE_##id * sizeof(const char *)),                \
      .choice = words,                                                                                       \
      .typed = TYPED + RECIPE_##id,                                                                          \
      .otherwise = fallback ? fallback : first,                                                              \
      .metavar = meta,                                                                                       \
      .help = text_ },
static const struct args_option OPTIONS[] = {
#include "tools/recipe.def"
};
#undef SETTING

#define GROUP(title, from, to)                                                                               \
    {                                                                                                        \
        title, OPTIONS + RECIPE_##from, RECIPE_##to - RECIPE_##from                                          \
    }
const struct args_group recipe_network_group = GROUP("Network", PRESET, NORM);
const struct args_group recipe_norm_group = GROUP("Norm placement and initial values", NORM, OPTIMIZER);
const struct args_group recipe_optimizer_group = GROUP("Optimiser", OPTIMIZER, LABEL_SMOOTHING);
const struct args_group recipe_augment_group =
    GROUP("Regularisation and augmentation", LABEL_SMOOTHING, SEED);
const struct args_group recipe_run_group = GROUP("Run", SEED, SETTINGS);

const char *recipe_name(enum recipe_id id)
{
    return TYPED[id].name;
}

const char *recipe_key(enum recipe_id id)
{
    static const char *const KEYS[] = {
#define SETTING(id, name, kind, field, low, high, choice, initial, otherwise, metavar, help) #field,
#include "tools/recipe.def"
#undef SETTING
    };
    _Static_assert(VIT_COUNT(KEYS) == RECIPE_SETTINGS, "a setting has no key");

    return KEYS[id];
}

const struct args_option *recipe_row(enum recipe_id id)
{
    return &TYPED[id];
}

int recipe_find(const char *name)
{
    for (int i = 0; i < RECIPE_SETTINGS; i++)
        if (strcmp(TYPED[i].name, name) == 0) return i;
    return -1;
}

/* ---- texts ---- */

enum vit_status recipe_texts_set(struct recipe_texts *t, enum recipe_id id, const char *text,
                                 struct vit_error *err)
{
    if (!text || t->text[id]) return VIT_OK;
    t->text[id] = strdup(text);
    return t->text[id] ? VIT_OK : vit_fail(err, VIT_ERR_NOMEM, "--%s: no memory", TYPED[id].name);
}

void recipe_texts_free(struct recipe_texts *t)
{
    for (int i = 0; i < RECIPE_SETTINGS; i++) free(t->text[i]);
    *t = (struct recipe_texts){ { 0 } };
}

enum vit_status recipe_texts_words(struct recipe_texts *t, const struct recipe_words *words,
                                   struct vit_error *err)
{
    enum vit_status status = VIT_OK;

    for (int i = 0; i < RECIPE_SETTINGS && !status; i++) {
        const char *text = TYPED[i].kind != ARGS_FLAG ? words->text[i] : words->flag[i] ? "on" : NULL;
        status = recipe_texts_set(t, (enum recipe_id)i, text, err);
    }
    return status;
}

/* Two settings say one thing: who comes first says it. */
static bool settled(const struct recipe_texts *t, enum recipe_id id)
{
    const char *split = t->text[RECIPE_VAL_SPLIT];

    if (id == RECIPE_VAL) return split && !strcmp(split, "on");
    return id == RECIPE_VAL_SPLIT && t->text[RECIPE_VAL];
}

const char *recipe_texts_value(const struct recipe_texts *t, enum recipe_id id)
{
    const char *otherwise = OPTIONS[id].otherwise;

    if (t->text[id]) return t->text[id];
    return TYPED[id].kind == ARGS_FLAG ? "off" : otherwise ? otherwise : "its default";
}

const char *recipe_texts_validation(char *text, size_t size, const struct recipe_texts *t)
{
    if (settled(t, RECIPE_VAL))
        snprintf(text, size, "--val-split");
    else
        snprintf(text, size, "--val %s", recipe_texts_value(t, RECIPE_VAL));
    return text;
}

enum vit_status recipe_texts_fill(struct recipe_texts *t, const struct recipe_texts *from,
                                  struct vit_error *err)
{
    enum vit_status status = VIT_OK;

    for (int i = 0; i < RECIPE_SETTINGS && !status; i++)
        if (!settled(t, (enum recipe_id)i))
            status = recipe_texts_set(t, (enum recipe_id)i, from->text[i], err);
    return status;
}

/* "name=value name=value", as presets are written. */
static enum vit_status set_line(struct recipe_texts *t, const char *line, struct vit_error *err)
{
    enum vit_status status = VIT_OK;

    while (*line && !status) {
        char word[128], *value;
        const size_t length = strcspn(line, " ");
        snprintf(word, sizeof word, "%.*s", (int)length, line);
        value = strchr(word, '=');
        *value++ = '\0';
        status = recipe_texts_set(t, (enum recipe_id)recipe_find(word), value, err);
        line += length + strspn(line + length, " ");
    }
    return status;
}

/* Of a trained network the head alone may be drawn: where it is said how, it does not begin at zero. */
static enum vit_status set_trained(struct recipe_texts *t, struct vit_error *err)
{
    enum vit_status status = recipe_texts_set(t, RECIPE_PRESET, RECIPE_PRESET_OF_TRAINED, err);

    return status || !t->text[RECIPE_INIT] ? status : recipe_texts_set(t, RECIPE_ZERO_HEAD, "off", err);
}

enum vit_status recipe_texts_preset(struct recipe_texts *t, struct vit_error *err)
{
    enum vit_status status = t->text[RECIPE_FROM] ? set_trained(t, err) : VIT_OK;
    const char *name = t->text[RECIPE_PRESET] ? t->text[RECIPE_PRESET] : TYPED[RECIPE_PRESET].initial;
    const char *line = status ? NULL : recipe_preset_line(name);

    return line ? set_line(t, line, err) : status; /* recipe_parse refuses an unknown name */
}

/* ---- values ---- */

static const struct args_group TYPED_GROUP = { "", TYPED, VIT_COUNT(TYPED) };
static const struct args_group *const TYPED_GROUPS[] = { &TYPED_GROUP, NULL };
static const struct args_verb TYPED_VERB = { .name = "train",
                                             .groups = TYPED_GROUPS,
                                             .bytes = sizeof(struct recipe) };

enum vit_status recipe_check_path(const char *option, const char *path, struct vit_error *err)
{
    if (vit_is_utf8(path)) return VIT_OK;
    return vit_fail(err, VIT_ERR_ARG,
                    "%s: expected a path in UTF-8, which is all that the files of a run can keep, found "
                    "\"%s\"; rename it",
                    option, path);
}

enum vit_status recipe_parse(struct recipe *out, const struct recipe_texts *t, struct vit_error *err)
{
    char name[RECIPE_SETTINGS][32], *words[2 * RECIPE_SETTINGS];
    struct vit_norm_config norm;
    enum vit_status status;
    int count = 0;

    *out = (struct recipe){ 0 };
    for (int i = 0; i < RECIPE_SETTINGS; i++) {
        const bool flag = TYPED[i].kind == ARGS_FLAG;
        if (!t->text[i] || (flag && strcmp(t->text[i], "on") != 0)) continue;
        snprintf(name[i], sizeof name[i], "--%s", TYPED[i].name);
        words[count++] = name[i];
        if (!flag) words[count++] = t->text[i];
    }
    status = args_parse(&TYPED_VERB, out, &count, words, err);
    if (!status && out->from) status = recipe_check_path("--from", out->from, err);
    if (!status && out->teacher) status = recipe_check_path("--teacher", out->teacher, err);
    if (status) return status;
    if (out->norm && vit_placement_parse(&norm, out->norm, err)) {
        char text[sizeof err->text];
        snprintf(text, sizeof text, "%s", err->text);
        return vit_fail(err, VIT_ERR_ARG, "--norm: %.900s", text);
    }
    if (out->val_split && t->text[RECIPE_VAL])
        return vit_fail(err, VIT_ERR_ARG, "--val and --val-split: expected one of them");
    return VIT_OK;
}

bool recipe_same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* "mix:0.50" is "mix:0.5". */
static bool same_placement(const char *a, const char *b)
{
    struct vit_norm_config x, y;
    char text[2][32];

    if (!a || !b || vit_placement_parse(&x, a, NULL) || vit_placement_parse(&y, b, NULL)) return a == b;
    return !strcmp(vit_placement_text(&x, text[0], sizeof text[0]),
                   vit_placement_text(&y, text[1], sizeof text[1]));
}

static bool same(const struct args_option *o, const struct recipe *a, const struct recipe *b)
{
    static const size_t BYTES[ARGS_KINDS] = { [ARGS_FLAG] = sizeof(bool),
                                              [ARGS_INT] = sizeof(int),
                                              [ARGS_COUNT] = sizeof(uint64_t),
                                              [ARGS_FLOAT] = sizeof(float) };
    const void *x = (const char *)a + o->at, *y = (const char *)b + o->at;

    if (BYTES[o->kind]) return memcmp(x, y, BYTES[o->kind]) == 0;
    if (o == &TYPED[RECIPE_NORM]) return same_placement(*(const char *const *)x, *(const char *const *)y);
    return recipe_same_text(*(const char *const *)x, *(const char *const *)y);
}

int recipe_difference(const struct recipe *a, const struct recipe *b)
{
    for (int i = 0; i < RECIPE_SETTINGS; i++)
        if (!same(&TYPED[i], a, b)) return i;
    return -1;
}
