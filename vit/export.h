/* export.h - how each framework writes a model down, for export*.c only. */
#ifndef VIT_EXPORT_H
#define VIT_EXPORT_H

#include <jansson.h>

#include "vit/model.h"

struct vit_dialect {
    enum weights_family family;
    /* What a model must have for the framework's class to be the same network, in the words of our
     * config.json. An array allows any of its elements; what is not named is free. */
    const char *allowed;
    json_t *(*config)(const struct vit_model *m, const struct vit_dialect *d);
    const char *type, *class;                     /* Hugging Face's model_type and its class */
    json_t *(*recipe)(const struct vit_model *m); /* NULL: config.json has it */
    bool crop_down;                               /* how it rounds the place of a crop: struct patch_recipe */
    const char *blank;                            /* a token that no classifier reads; NULL: none */
};

/* export_timm.c, export_hf.c */
extern const struct vit_dialect vit_dialect_timm, vit_dialect_hf_vit, vit_dialect_hf_deit,
    vit_dialect_hf_dinov2;

/* A part of allowed: the activations that all have. */
#define VIT_EXPORT_ACTS "\"act\": [\"gelu\", \"gelu_tanh\", \"quick_gelu\", \"relu\", \"silu\"]"

/* x (3), a mean or a deviation. */
json_t *vit_export_floats(const float *x);

#endif
