/* What a file lacks of a network's tensors and what it holds besides: who reads of one looks for both. */
#include <stdio.h>
#include <string.h>

#include "vit/model.h"

void vit_tensor_list_add(struct vit_tensor_list *l, const char *name, const char *shape)
{
    enum { NAMED = 6 };
    static const char MORE[] = ", ...";
    const char *comma = l->count ? ", " : "";
    const size_t used = strlen(l->text), room = sizeof l->text - used - sizeof MORE;

    if (!l->cut) {
        l->cut = l->count == NAMED || strlen(comma) + strlen(name) + strlen(shape) + 3 > room;
        if (l->cut)
            snprintf(l->text + used, sizeof l->text - used, "%s", MORE + (l->count ? 0 : 2));
        else
            snprintf(l->text + used, sizeof l->text - used, "%s\"%s\" %s", comma, name, shape);
    }
    l->count++;
}

bool vit_model_may_lack(const struct vit_model *m, const struct vit_slot *s)
{
    return m->headless && s->head;
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
    return !weights_view_find(v, slots[i].name).parts && !vit_model_may_lack(m, &slots[i]);
}

/* What the file lacks of a slot, by the names that it would have there. */
static void add_missing(struct vit_tensor_list *l, const struct vit_model *m, struct weights_view *v,
                        const struct vit_slot *s)
{
    char names[3][WEIGHTS_NAME], shape[128];
    enum weights_layout layout;
    /* The names of a block take a look at all tensors: those that are not shown are only counted. */
    const int parts = l->cut ? 0 : weights_view_names(v, s->name, names, &layout);

    if (!parts) vit_tensor_list_add(l, s->name, vit_slot_shape_text(s, shape, sizeof shape));
    for (int i = 0; i < parts; i++) {
        if (weights_find(weights_view_file(v), names[i])) continue;
        vit_tensor_list_add(l, names[i],
                            vit_slot_part_text(s, &m->config, layout, parts, shape, sizeof shape));
    }
}

struct vit_mismatch vit_model_mismatch(const struct vit_model *m, const struct vit_slot *slots, int count,
                                       struct weights_view *v, bool blocks)
{
    const struct weights_file *f = weights_view_file(v);
    struct vit_mismatch found = { 0 };
    char shape[128];

    for (int i = 0; i < count; i++)
        if (lacks(m, v, slots, i)) add_missing(&found.missing, m, v, &slots[i]);
    for (size_t i = 0; i < weights_count(f); i++) {
        bool block = false;

        if (weights_view_used(v, i) || weights_view_ignorable(v, i)) continue;
        if (blocks && (!weights_view_name(v, i, &block) || !block)) continue;
        vit_tensor_list_add(&found.unused, weights_at(f, i)->name,
                            weights_shape_text(weights_at(f, i), shape, sizeof shape));
    }
    return found;
}
