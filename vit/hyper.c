#include "vit/hyper.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "vit/json.h"

static const char *const SCHEDULES[] = { "cosine", "linear", "constant" };
static const char *const OPTIMIZERS[] = { "adamw", "muon" };
_Static_assert(VIT_COUNT(SCHEDULES) == VIT_SCHEDULES, "a schedule has no name");
_Static_assert(VIT_COUNT(OPTIMIZERS) == VIT_OPTIMIZERS, "an optimizer has no name");

const char *vit_schedule_name(enum vit_schedule s)
{
    return SCHEDULES[s];
}

const char *vit_optimizer_name(enum vit_optimizer o)
{
    return OPTIMIZERS[o];
}

static int index_of(const char *name, const char *const *names, int count)
{
    for (int i = 0; i < count; i++)
        if (!strcmp(name, names[i])) return i;
    return -1;
}

int vit_schedule_from_name(const char *name)
{
    return index_of(name, SCHEDULES, VIT_SCHEDULES);
}

int vit_optimizer_from_name(const char *name)
{
    return index_of(name, OPTIMIZERS, VIT_OPTIMIZERS);
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
    done = after > 0 ? (double)(step - h->warmup) / after : 1;
    if (done > 1) done = 1;
    switch (h->schedule) {
    case VIT_COSINE: return end + (1 - end) * (1 + cos(3.141592653589793 * done)) / 2;
    case VIT_LINEAR: return end + (1 - end) * (1 - done);
    default: return 1;
    }
}

/* ---- as text, so that a resumed run can be compared with the one it continues ---- */

enum kind { NUMBER, INTEGER, SWITCH };

static const struct field {
    const char *name;
    enum kind kind;
    size_t at;
} FIELDS[] = {
    { "lr", NUMBER, offsetof(struct vit_hyper, lr) },
    { "muon_lr", NUMBER, offsetof(struct vit_hyper, muon_lr) },
    { "beta1", NUMBER, offsetof(struct vit_hyper, beta1) },
    { "beta2", NUMBER, offsetof(struct vit_hyper, beta2) },
    { "eps", NUMBER, offsetof(struct vit_hyper, eps) },
    { "decay", NUMBER, offsetof(struct vit_hyper, decay) },
    { "decay_all", SWITCH, offsetof(struct vit_hyper, decay_all) },
    { "clip", NUMBER, offsetof(struct vit_hyper, clip) },
    { "smoothing", NUMBER, offsetof(struct vit_hyper, smoothing) },
    { "drop_path", NUMBER, offsetof(struct vit_hyper, drop_path) },
    { "attn_drop", NUMBER, offsetof(struct vit_hyper, attn_drop) },
    { "ema", NUMBER, offsetof(struct vit_hyper, ema) },
    { "lr_end", NUMBER, offsetof(struct vit_hyper, lr_end) },
    { "steps", INTEGER, offsetof(struct vit_hyper, steps) },
    { "warmup", INTEGER, offsetof(struct vit_hyper, warmup) },
    { "accumulate", INTEGER, offsetof(struct vit_hyper, accumulate) },
};

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
