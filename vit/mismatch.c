/* What a file lacks of a network's tensors and what it holds besides: who reads of one looks for both. */
#include <stdio.h>
#include <string.h>

#include "vit/model.h"

void vit_tensor_list_add(struct vit_tensor_list *l, const char *name, const char *shape)
{
    enum { NAMED = 6 };
    const size_t used = strlen(l->text);

    if (l->count < NAMED)
        snprintf(l->text + used, sizeof l->text - used, "%s\"%s\" %s", l->count ? ", " : "", name, shape);
    else if (l->count == NAMED)
        snprintf(l->text + used, sizeof l->text - used, ", ...");
    l->count++;
}

bool vit_model_may_lack(const struct vit_model *m, const char *name)
{
    return m->headless && !strncmp(name, "head", 4);
}

/* Neither as it is nor packed, and not without need. */
static bool lacks(const struct vit_model *m, struct weights_view *v, const struct vit_slot *slots, int i)
{
    char packed[sizeof slots->name + sizeof VIT_PACKED_SUFFIX];
    struct vit_product p;

    if (m->packing.there && vit_model_product(m, i, &p)) {
        snprintf(packed, sizeof packed, "%s%s", slots[i].name, VIT_PACKED_SUFFIX);
        if (weights_view_find(v, packed).parts) return false; /* beside it the plain one is not used */
    }
    return !weights_view_find(v, slots[i].name).parts && !vit_model_may_lack(m, slots[i].name);
}

struct vit_mismatch vit_model_mismatch(const struct vit_model *m, const struct vit_slot *slots, int count,
                                       struct weights_view *v, bool blocks)
{
    const struct weights_file *f = weights_view_file(v);
    struct vit_mismatch found = { 0 };
    char shape[128];

    for (int i = 0; i < count; i++)
        if (lacks(m, v, slots, i))
            vit_tensor_list_add(&found.missing, slots[i].name,
                                vit_slot_shape_text(&slots[i], shape, sizeof shape));
    for (size_t i = 0; i < weights_count(f); i++) {
        bool block = false;

        if (weights_view_used(v, i) || weights_view_ignorable(v, i)) continue;
        if (blocks && (!weights_view_name(v, i, &block) || !block)) continue;
        vit_tensor_list_add(&found.unused, weights_at(f, i)->name,
                            weights_shape_text(weights_at(f, i), shape, sizeof shape));
    }
    return found;
}
