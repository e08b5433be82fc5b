/* A start that is not drawn: the parameters of another model, by name. */
#include <stddef.h>
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

/* Its number; -1: there is none. */
static int find_slot(const struct vit_slot *slots, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (!strcmp(slots[i].name, name)) return i;
    return -1;
}

/* The axis along which the hidden units of an MLP lie; -1: it has none. */
static int hidden_axis(const struct vit_slot *s)
{
    if (s->block < 0) return -1;
    if (s->field == offsetof(struct vit_block_params, fc2.weight)) return 1;
    return s->field == offsetof(struct vit_block_params, fc1.weight) ||
                   s->field == offsetof(struct vit_block_params, fc1.bias)
               ? 0
               : -1;
}

/* Of one shape, but that an MLP may be wider than the lent one. */
static bool lendable(const struct vit_slot *wanted, const struct vit_slot *lent)
{
    const int hidden = hidden_axis(wanted);

    if (wanted->rank != lent->rank) return false;
    for (int i = 0; i < wanted->rank; i++)
        if (wanted->shape[i] != lent->shape[i] && !(i == hidden && wanted->shape[i] > lent->shape[i]))
            return false;
    return true;
}

enum vit_status vit_slots_lent(const struct vit_slot *wanted, int count, const struct vit_slot *lent,
                               int lent_count, bool drawn_head, const char *path, struct vit_error *err)
{
    char expected[128], has[128];

    for (int i = 0; i < count; i++) {
        const struct vit_slot *s = &wanted[i];
        const int at = find_slot(lent, lent_count, s->name);

        if (drawn_head && s->head) continue;
        if (at < 0)
            return vit_fail(err, VIT_ERR_ARG, "%s: has no %s, which the network to train needs", path,
                            s->name);
        if (!lendable(s, &lent[at]))
            return vit_fail(err, VIT_ERR_ARG,
                            "%s: %s: expected the shape %s of the network to train, found %s", path, s->name,
                            vit_slot_shape_text(s, expected, sizeof expected),
                            vit_slot_shape_text(&lent[at], has, sizeof has));
    }
    return VIT_OK;
}

/* What another model is read with. */
struct lent {
    bool fits;
    int *row;    /* (classes), as match_head() fills it */
    float *room; /* for the largest parameter of a head or an MLP, whose numbers change places */
};

static enum vit_status lend_head(struct lent *h, const struct vit_model *m, const struct vit_model *from,
                                 struct vit_error *err)
{
    size_t most = 1;

    for (int i = 0; i < m->slot_count; i++) {
        const struct vit_slot *s = &m->slots[i];
        if ((s->head || hidden_axis(s) >= 0) && s->count > most) most = s->count;
    }
    *h = (struct lent){ .row = calloc((size_t)m->config.classes, sizeof *h->row),
                        .room = calloc(most, sizeof *h->room) };
    if (!h->row || !h->room) return vit_fail(err, VIT_ERR_NOMEM, "%s: no memory for its weights", from->path);
    h->fits = match_head(h->row, m, from);
    return VIT_OK;
}

static void take_head(float *to, const struct vit_slot *s, int classes, const struct lent *h)
{
    const size_t size = s->count / (size_t)classes;

    for (int i = 0; i < classes; i++)
        memcpy(to + (size_t)i * size, h->room + (size_t)h->row[i] * size, size * sizeof *to);
}

/* An MLP's tensor of more hidden units, from one of had (as large as is): the first are the lent ones. What
 * goes into the new ones stays drawn and what comes out of them is zero, so that the network answers as
 * before and they learn (Net2Net's initialisation: Chen et al. 2015, by zeros in the place of copies).
 * Gated, fc1 has two such parts, one after the other. */
static void take_hidden(float *to, const struct vit_slot *is, const struct vit_slot *had, int parts,
                        const float *lent)
{
    const bool out = hidden_axis(is) == 1;
    const size_t runs = out ? (size_t)is->shape[0] : (size_t)parts;
    const size_t length = is->count / runs, kept = had->count / runs;

    for (size_t i = 0; i < runs; i++) {
        memcpy(to + i * length, lent + i * kept, kept * sizeof *to);
        for (size_t j = kept; out && j < length; j++) to[i * length + j] = 0;
    }
}

static void take_slot(struct vit_model *m, const struct vit_slot *s, const struct vit_model *from,
                      const struct lent *h)
{
    const int at = find_slot(from->slots, from->slot_count, s->name);
    const bool head = s->head, wider = hidden_axis(s) >= 0 && s->count > from->slots[at].count;
    float *to = *vit_slot_pointer(&m->params, s);

    vit_model_read(from, at, head || wider ? h->room : to);
    if (head) take_head(to, s, m->config.classes, h);
    if (wider) take_hidden(to, s, &from->slots[at], m->config.glu ? 2 : 1, h->room);
}

static bool head_is_zero(const struct vit_model *m)
{
    for (int i = 0; i < m->slot_count; i++) {
        const float *w = vit_model_parameter(m, i).values;
        for (size_t j = 0; m->slots[i].head && j < m->slots[i].count; j++)
            if (w[j] != 0) return false;
    }
    return true;
}

/* What became of the head. */
static void say_head(struct vit_model *m, const struct vit_model *from, const struct lent *h)
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

static void say_hidden(struct vit_model *m, const struct vit_model *from)
{
    if (m->config.hidden > from->config.hidden)
        vit_model_say(m, false,
                      "%s: its MLPs have %d hidden units and get %d: the new ones are drawn, and what they "
                      "add begins at zero",
                      from->path, from->config.hidden, m->config.hidden);
}

/* "blocks.3 to blocks.5" */
static void name_blocks(char *text, size_t size, int first, int last)
{
    const int used = snprintf(text, size, "blocks.%d", first);

    if (last > first) snprintf(text + used, size - (size_t)used, " to blocks.%d", last);
}

/* What of from has no place in m; blocks beyond its depth as one, as their many names would hide the others.
 * Of a head that is not kept say_head() speaks. */
static void say_unused(struct vit_model *m, const struct vit_model *from, const struct lent *h)
{
    struct vit_tensor_list others = { 0 };
    char blocks[64] = "", shape[64];
    int beyond = 0;

    for (int i = 0; i < from->slot_count; i++) {
        const struct vit_slot *s = &from->slots[i];
        if (find_slot(m->slots, m->slot_count, s->name) >= 0 || (s->head && !h->fits)) continue;
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

/* The shapes may be the same: a gate and its values lie as twice as many hidden units would. */
static enum vit_status check_gate(const struct vit_model *m, const struct vit_model *from,
                                  struct vit_error *err)
{
    static const char *const MLPS[] = { "MLPs without a gate", "gated MLPs" };

    if (m->config.glu == from->config.glu) return VIT_OK;
    return vit_fail(err, VIT_ERR_ARG, "%s: expected %s, as the network to train has them, found %s",
                    from->path, MLPS[m->config.glu], MLPS[from->config.glu]);
}

enum vit_status vit_model_take(struct vit_model *m, const struct vit_model *from, struct vit_error *err)
{
    const struct kern_ctx alone = { .k = &m->kern, .threads = 1 };
    struct lent head = { 0 };
    enum vit_status status;

    if (!m->trainable) return vit_fail(err, VIT_ERR_ARG, "%s: was not opened for training", m->path);
    status = check_gate(m, from, err);
    if (!status) status = lend_head(&head, m, from, err);
    if (!status)
        status = vit_slots_lent(m->slots, m->slot_count, from->slots, from->slot_count, !head.fits,
                                from->path, err);
    for (int i = 0; !status && i < m->slot_count; i++)
        if (head.fits || !m->slots[i].head) take_slot(m, &m->slots[i], from, &head);
    if (!status) say_head(m, from, &head);
    if (!status) say_heads(m, from);
    if (!status) say_hidden(m, from);
    if (!status) say_unused(m, from, &head);
    /* Alone: it is done once, and the threads that m was made with may be gone, in the child of a fork. */
    if (!status) vit_model_pack(m, &alone);
    free(head.room);
    free(head.row);
    return status;
}
