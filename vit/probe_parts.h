/* probe_parts.h - what a probe holds, for probe*.c only. */
#ifndef VIT_PROBE_PARTS_H
#define VIT_PROBE_PARTS_H

#include "vit/gradients.h"
#include "vit/probe.h"
#include "vit/session.h"

/* What is summed of one block while the pictures pass. */
struct vit_probe_sums {
    double middle, branch[VIT_PROBE_HALVES], skip[VIT_PROBE_HALVES]; /* of squares */
    double changed;
};

struct vit_probe {
    struct vit_model *model;
    struct vit_probe_options options;
    struct vit_session *session;
    struct vit_gradients *grads;
    struct vit_tap tap;
    int first; /* picture of the part under way */
    int half;  /* of the block under way */
    double logits_changed;

    struct vit_arena arena;
    float *streams;               /* (depth + 1, pictures, t, d) of the model as it was given */
    float *logits;                /* (pictures, classes) of the same */
    float *mean, *square, *saved; /* (floats): AdamW's moments; the model's values */
    double *entropy;              /* (depth, heads) */
    double *angle;                /* (depth, depth) */
    double *work;
    struct vit_probe_sums *sums;   /* (depth) */
    struct vit_probe_block *block; /* (depth) */
    struct vit_probe_network network;
};

static inline size_t stream_floats(const struct vit_probe *p)
{
    return (size_t)p->session->tokens * (size_t)p->model->config.width; /* of one picture */
}

/* Stream i of a picture, among those kept. */
static inline float *stream_at(const struct vit_probe *p, int i, int picture)
{
    return p->streams + ((size_t)i * (size_t)p->options.pictures + (size_t)picture) * stream_floats(p);
}

/* ---- probe_numbers.c ---- */

/* Once the pictures have passed through the model as it was given: all but the changes. */
void vit_probe_finish(struct vit_probe *p);
/* What the last pass saw, into the fields for one step or for all of them. */
void vit_probe_finish_changes(struct vit_probe *p, bool all);

#endif
