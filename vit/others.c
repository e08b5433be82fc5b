/* Networks that have the names of a plain ViT, and more. */
#include <stdlib.h>
#include <string.h>

#include "vit/dialects.h"

/* Parts of names that tell of another network than a plain ViT outside its blocks. */
enum vit_status vit_refuse_others(const struct weights_view *v, struct vit_error *err)
{
    static const struct {
        const char *part, *what;
    } OTHERS[] = {
        { "patch_embed.norm.", "a norm in its patch embedding" },
        { "patch_embed.backbone.", "a convolutional network before the patches" },
        { "conv_root/", "a convolutional network before the patches" },
        { "attn_pool.", "pooling by attention (a MAP head)" },
        { "MAPHead_0/", "pooling by attention (a MAP head)" },
        { "rel_pos", "relative positions" },
        { "relative_position_bias", "relative positions" },
        { "rope.", "rotary positions" },
        { ".lora_A.", "a LoRA adapter that is not merged into it" },
    };
    const struct weights_file *f = weights_view_file(v);

    for (size_t i = 0; i < weights_count(f); i++) {
        const char *name = weights_view_name(v, i, NULL);
        for (size_t j = 0; name && j < VIT_COUNT(OTHERS); j++)
            if (strstr(name, OTHERS[j].part))
                return vit_fail(err, VIT_ERR_UNSUPPORTED,
                                "%s: \"%s\" says that this network has %s; only plain ViTs are supported",
                                weights_path(f), weights_at(f, i)->name, OTHERS[j].what);
    }
    return VIT_OK;
}

/* Tensors of blocks that nothing asked for: such blocks compute something else. */
enum vit_status vit_infer_check(const struct vit_model *m, struct weights_view *v, struct vit_error *err)
{
    size_t total;
    const int count = vit_slots(NULL, &m->config, &total);
    struct vit_slot *slots = calloc((size_t)count, sizeof *slots);
    struct vit_mismatch found;

    if (!slots) return vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate the tables", m->path);
    vit_slots(slots, &m->config, &total);
    found = vit_model_mismatch(m, slots, count, v, true);
    free(slots);
    if (!found.unused.count) return VIT_OK;
    return vit_fail(err, VIT_ERR_UNSUPPORTED,
                    "%s: its blocks are of another kind: %d of their tensors have no place in a ViT of the "
                    "names of %s: %s%s%s (a config.json of ours would leave them out)",
                    m->path, found.unused.count, m->family, found.unused.text,
                    found.missing.count ? "; missing are " : "", found.missing.text);
}
