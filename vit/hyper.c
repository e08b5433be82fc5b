#include "vit/hyper.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

#include "vit/config.h"
#include "vit/json.h"
#include "vit/text.h"

static const char *const SCHEDULES[] = { "cosine", "linear", "constant" };
static const char *const OPTIMIZERS[] = { "adamw", "muon" };
_Static_assert(VIT_COUNT(SCHEDULES) == VIT_SCHEDULES, "a schedule has no name");
_Static_assert(VIT_COUNT(OPTIMIZERS) == VIT_OPTIMIZERS, "an optimizer has no name");

const char *vit_schedule_name(enum vit_schedule s)
{
    return (size_t)s < VIT_SCHEDULES ? SCHEDULES[s] : "unknown";
}

const char *vit_optimizer_name(enum vit_optimizer o)
{
    return (size_t)o < VIT_OPTIMIZERS ? OPTIMIZERS[o] : "unknown";
}

int vit_schedule_from_name(const char *name)
{
    return vit_index_of(SCHEDULES, VIT_SCHEDULES, name);
}

int vit_optimizer_from_name(const char *name)
{
    return vit_index_of(OPTIMIZERS, VIT_OPTIMIZERS, name);
}

struct vit_hyper vit_hyper_default(void)
{
    return (struct vit_hyper){ .lr = 1e-3f,
                               .muon_lr = 0.02f,
                               .beta1 = 0.9f,
                               .beta2 = 0.98f,
                               .eps = 1e-8f,
                               .decay = 0.05f,
                               .clip = 1,
                               .steps = 1,
                               .accumulate = 1 };
}

double vit_schedule_factor(const struct vit_hyper *h, int step)
{
    const int after = h->steps - h->warmup;
    double done, end = (double)h->lr_end;

    if (step < h->warmup) return (double)(step + 1) / h->warmup;
    if (after < 1) return 1; /* warm-up is all of the schedule, and ends at the peak */
    done = (double)(step - h->warmup) / after;
    if (done > 1) done = 1;
    switch (h->schedule) {
    case VIT_COSINE: return end + (1 - end) * (1 + cos(3.141592653589793 * done)) / 2;
    case VIT_LINEAR: return end + (1 - end) * (1 - done);
    default: return 1;
    }
}

/* ---- patches that are seen ---- */

int vit_hyper_patches(const struct vit_hyper *h, const struct vit_config *c)
{
    /* The rate as it was written, 0.1 and not the float next to it: of 100 patches one more or less. */
    const double rate = round(1e6 * (double)h->patch_drop) / 1e6;
    const int kept = (int)(vit_config_patches(c) * (1 - rate));

    return kept > 1 ? kept : 1;
}

double vit_training_macs(const struct vit_config *c, const struct vit_hyper *h)
{
    return vit_config_macs_at(c, vit_config_prefix(c) + vit_hyper_patches(h, c));
}

/* ---- as text, so that a resumed run can be compared with the one it continues ---- */

enum kind { NUMBER, INTEGER, SWITCH };

/* A rate, a decay of averages: the largest float below 1. */
#define BELOW_1 (1 - FLT_EPSILON / 2)

static const struct field {
    const char *name;
    enum kind kind;
    size_t at;
    float low, high; /* of a number; an integer has no high */
} FIELDS[] = {
    { "lr", NUMBER, offsetof(struct vit_hyper, lr), 0, FLT_MAX },
    { "muon_lr", NUMBER, offsetof(struct vit_hyper, muon_lr), 0, FLT_MAX },
    { "beta1", NUMBER, offsetof(struct vit_hyper, beta1), 0, BELOW_1 },
    { "beta2", NUMBER, offsetof(struct vit_hyper, beta2), 0, BELOW_1 },
    { "eps", NUMBER, offsetof(struct vit_hyper, eps), FLT_MIN, FLT_MAX },
    { "decay", NUMBER, offsetof(struct vit_hyper, decay), 0, FLT_MAX },
    { "decay_all", SWITCH, offsetof(struct vit_hyper, decay_all), 0, 0 },
    { "clip", NUMBER, offsetof(struct vit_hyper, clip), 0, FLT_MAX },
    { "smoothing", NUMBER, offsetof(struct vit_hyper, smoothing), 0, 1 },
    { "drop_path", NUMBER, offsetof(struct vit_hyper, drop_path), 0, BELOW_1 },
    { "attn_drop", NUMBER, offsetof(struct vit_hyper, attn_drop), 0, BELOW_1 },
    { "patch_drop", NUMBER, offsetof(struct vit_hyper, patch_drop), 0, BELOW_1 },
    { "ema", NUMBER, offsetof(struct vit_hyper, ema), 0, BELOW_1 },
    { "lr_end", NUMBER, offsetof(struct vit_hyper, lr_end), 0, FLT_MAX },
    { "steps", INTEGER, offsetof(struct vit_hyper, steps), 1, 0 },
    { "warmup", INTEGER, offsetof(struct vit_hyper, warmup), 0, 0 },
    { "accumulate", INTEGER, offsetof(struct vit_hyper, accumulate), 0, 0 },
};

static enum vit_status check_field(const struct vit_hyper *h, const struct field *f, struct vit_error *err)
{
    const void *at = (const char *)h + f->at;
    const float x = f->kind == NUMBER ? *(const float *)at : 0;
    const int n = f->kind == INTEGER ? *(const int *)at : 0;

    if (f->kind == NUMBER && !(x >= f->low && x <= f->high))
        return vit_fail(err, VIT_ERR_ARG, "trainer: %s must be between %g and %.8g, found %g", f->name,
                        (double)f->low, (double)f->high, (double)x);
    if (f->kind == INTEGER && n < (int)f->low)
        return vit_fail(err, VIT_ERR_ARG, "trainer: %s must be at least %d, found %d", f->name, (int)f->low,
                        n);
    return VIT_OK;
}

enum vit_status vit_hyper_check(const struct vit_hyper *h, struct vit_error *err)
{
    for (size_t i = 0; i < VIT_COUNT(FIELDS); i++) {
        enum vit_status status = check_field(h, &FIELDS[i], err);
        if (status) return status;
    }
    if (h->warmup > h->steps)
        return vit_fail(err, VIT_ERR_ARG, "trainer: warmup must be at most the %d steps, found %d", h->steps,
                        h->warmup);
    if ((unsigned)h->schedule >= VIT_SCHEDULES)
        return vit_fail(err, VIT_ERR_ARG, "trainer: unknown schedule %d", (int)h->schedule);
    if ((unsigned)h->optimizer >= VIT_OPTIMIZERS)
        return vit_fail(err, VIT_ERR_ARG, "trainer: unknown optimizer %d", (int)h->optimizer);
    return VIT_OK;
}

json_t *vit_hyper_to_json(const struct vit_hyper *h)
{
    json_t *o = json_object();
    char seed[32];

    for (size_t i = 0; o && i < VIT_COUNT(FIELDS); i++) {
        const char *at = (const char *)h + FIELDS[i].at;
        json_t *value = FIELDS[i].kind == NUMBER    ? json_real((double)*(const float *)(const void *)at)
                        : FIELDS[i].kind == INTEGER ? json_integer(*(const int *)(const void *)at)
                                                    : json_boolean(*(const bool *)(const void *)at);
        vit_json_put(&o, FIELDS[i].name, value);
    }
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)h->seed);
    vit_json_put(&o, "seed", json_string(seed));
    vit_json_put(&o, "schedule", json_string(SCHEDULES[h->schedule]));
    vit_json_put(&o, "optimizer", json_string(OPTIMIZERS[h->optimizer]));
    return o;
}
