/* A start that is not drawn: the parameters of another model, by name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vit/model.h"
#include "vit/train.h"

/* The first class of that name; -1: there is none. */
static int find_label(const struct vit_model *m, const char *name)
{
    for (int i = 0; i < m->config.classes; i++)
        if (!strcmp(vit_model_labels(m)[i], name)) return i;
    return -1;
}

static bool same_labels(const struct vit_model *a, const struct vit_model *b)
{
    for (int i = 0; i < a->config.classes; i++)
        if (strcmp(vit_model_labels(a)[i], vit_model_labels(b)[i]) != 0) return false;
    return true;
}

/* row (classes of m): the row of from's head for each class, by name where both have names that differ.
 * False: it is for other classes, or names that occur twice do not say which are the same. */
static bool match_head(int *row, const struct vit_model *m, const struct vit_model *from)
{
    const int classes = m->config.classes;

    if (classes != from->config.classes || from->headless) return false;
    for (int i = 0; i < classes; i++) row[i] = i;
    if (!m->has_labels || !from->has_labels || same_labels(m, from)) return true;
    for (int i = 0; i < classes; i++) {
        const char *name = vit_model_labels(m)[i];
        row[i] = find_label(from, name);
        if (row[i] < 0 || find_label(m, name) != i) return false;
    }
    return true;
}

static bool is_head(const struct vit_slot *s)
{
    return !strncmp(s->name, "head", 4);
}

/* Its number; -1: there is none. */
static int find_slot(const struct vit_slot *slots, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (!strcmp(slots[i].name, name)) return i;
    return -1;
}

static bool same_shape(const struct vit_slot *a, const struct vit_slot *b)
{
    return a->rank == b->rank && !memcmp(a->shape, b->shape, (size_t)a->rank * sizeof *a->shape);
}

enum vit_status vit_slots_lent(const struct vit_slot *wanted, int count, const struct vit_slot *lent,
                               int lent_count, bool drawn_head, const char *path, struct vit_error *err)
{
    char expected[128], has[128];

    for (int i = 0; i < count; i++) {
        const struct vit_slot *s = &wanted[i];
        const int at = find_slot(lent, lent_count, s->name);

        if (drawn_head && is_head(s)) continue;
        if (at < 0)
            return vit_fail(err, VIT_ERR_ARG, "%s: has no %s, which the network to train needs", path,
                            s->name);
        if (!same_shape(s, &lent[at]))
            return vit_fail(err, VIT_ERR_ARG,
                            "%s: %s: expected the shape %s of the network to train, found %s", path, s->name,
                            vit_slot_shape_text(s, expected, sizeof expected),
                            vit_slot_shape_text(&lent[at], has, sizeof has));
    }
    return VIT_OK;
}

/* What the head of another model is read with. */
struct lent_head {
    bool fits;
    int *row;    /* (classes), as match_head() fills it */
    float *room; /* for the largest of its parameters */
};

static enum vit_status lend_head(struct lent_head *h, const struct vit_model *m, const struct vit_model *from,
                                 struct vit_error *err)
{
    size_t most = 1;

    for (int i = 0; i < m->slot_count; i++)
        if (is_head(&m->slots[i]) && m->slots[i].count > most) most = m->slots[i].count;
    *h = (struct lent_head){ .row = calloc((size_t)m->config.classes, sizeof *h->row),
                             .room = calloc(most, sizeof *h->room) };
    if (!h->row || !h->room) return vit_fail(err, VIT_ERR_NOMEM, "%s: no memory for its head", from->path);
    h->fits = match_head(h->row, m, from);
    return VIT_OK;
}

static void take_slot(struct vit_model *m, const struct vit_slot *s, const struct vit_model *from,
                      const struct lent_head *h)
{
    const int at = find_slot(from->slots, from->slot_count, s->name), classes = m->config.classes;
    const size_t size = s->count / (size_t)classes;
    float *to = *vit_slot_pointer(&m->params, s);

    if (!is_head(s)) {
        vit_model_read(from, at, to);
        return;
    }
    vit_model_read(from, at, h->room);
    for (int i = 0; i < classes; i++)
        memcpy(to + (size_t)i * size, h->room + (size_t)h->row[i] * size, size * sizeof *to);
}

static bool head_is_zero(const struct vit_model *m)
{
    for (int i = 0; i < m->slot_count; i++) {
        const float *w = vit_model_parameter(m, i).values;
        for (size_t j = 0; is_head(&m->slots[i]) && j < m->slots[i].count; j++)
            if (w[j] != 0) return false;
    }
    return true;
}

/* What became of the head. */
static void say_head(struct vit_model *m, const struct vit_model *from, const struct lent_head *h)
{
    if (!h->fits)
        vit_model_say(m, true, "%s: %s %s", from->path,
                      from->headless ? "has no head, one" : "its head is for other classes, a new one",
                      head_is_zero(m) ? "begins at zero" : "was drawn");
    else if (m->has_labels && !from->has_labels)
        vit_model_say(m, true,
                      "%s: has no label names: its head is kept, its classes taken in the order of the new "
                      "ones",
                      from->path);
    else if (m->has_labels && !same_labels(m, from))
        vit_model_say(m, false, "%s: its head is for the same classes in another order, and is kept by name",
                      from->path);
}

/* The shapes are the same, whatever the heads are cut to. */
static void say_heads(struct vit_model *m, const struct vit_model *from)
{
    const int had = from->config.heads;

    if (m->config.heads != had)
        vit_model_say(m, true,
                      "%s: its attention has %d heads and gets %d: weights trained for others are expected "
                      "to lose accuracy",
                      from->path, had, m->config.heads);
}

/* "blocks.3 to blocks.5" */
static void name_blocks(char *text, size_t size, int first, int last)
{
    const int used = snprintf(text, size, "blocks.%d", first);

    if (last > first) snprintf(text + used, size - (size_t)used, " to blocks.%d", last);
}

/* What of from has no place in m; blocks beyond its depth as one, as their many names would hide the others.
 * Of a head that is not kept say_head() speaks. */
static void say_unused(struct vit_model *m, const struct vit_model *from, const struct lent_head *h)
{
    struct vit_tensor_list others = { 0 };
    char blocks[64] = "", shape[64];
    int beyond = 0;

    for (int i = 0; i < from->slot_count; i++) {
        const struct vit_slot *s = &from->slots[i];
        if (find_slot(m->slots, m->slot_count, s->name) >= 0 || (is_head(s) && !h->fits)) continue;
        if (s->block >= m->config.depth)
            beyond++;
        else
            vit_tensor_list_add(&others, s->name, vit_slot_shape_text(s, shape, sizeof shape));
    }
    if (beyond) name_blocks(blocks, sizeof blocks, m->config.depth, from->config.depth - 1);
    if (beyond + others.count)
        vit_model_say(m, true, "%s: %d of its tensors are not used by the network to train: %s%s%s",
                      from->path, beyond + others.count, blocks, beyond && others.count ? ", " : "",
                      others.text);
}

enum vit_status vit_model_take(struct vit_model *m, const struct vit_model *from, struct vit_error *err)
{
    const struct kern_ctx alone = { .k = &m->kern, .threads = 1 };
    struct lent_head head = { 0 };
    enum vit_status status;

    if (!m->trainable) return vit_fail(err, VIT_ERR_ARG, "%s: was not opened for training", m->path);
    status = lend_head(&head, m, from, err);
    if (!status)
        status = vit_slots_lent(m->slots, m->slot_count, from->slots, from->slot_count, !head.fits,
                                from->path, err);
    for (int i = 0; !status && i < m->slot_count; i++)
        if (head.fits || !is_head(&m->slots[i])) take_slot(m, &m->slots[i], from, &head);
    if (!status) say_head(m, from, &head);
    if (!status) say_heads(m, from);
    if (!status) say_unused(m, from, &head);
    /* Alone: it is done once, and the threads that m was made with may be gone, in the child of a fork. */
    if (!status) vit_model_pack(m, &alone);
    free(head.room);
    free(head.row);
    return status;
}
