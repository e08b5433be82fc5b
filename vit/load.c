#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vit/model.h"

/* From a file's tensors to the parameters: in place where the file has them as they are, else copied. */

struct loading {
    struct vit_model *m;
    struct weights_view *view;
    struct weights_source *source; /* (slot_count) */
    const void **packed; /* (slot_count): the matrix as the file has it laid out; NULL: it has values */
    int file_grid;       /* patches a side that the file's positions are for */
    bool fold;           /* positions of the class token alone, registers after it */
    int left_out;        /* fixed scales that training would make wrong */
    struct vit_tensor_list misshapen;
};

/* Whether the slot is that of a field of the model's parameters. */
static bool is(const struct loading *l, const struct vit_slot *s, float **field)
{
    return vit_slot_pointer(&l->m->params, s) == field;
}

/* Rows of position embeddings in a file of the configuration: at another size the network's are resized. */
static int position_rows(const struct loading *l)
{
    return l->file_grid * l->file_grid +
           (l->m->config.position_prefix ? vit_config_prefix(&l->m->config) : 0);
}

/* Elements of the file's position embeddings must match the configuration the file was made for. */
static bool positions_fit(struct loading *l, const struct vit_slot *s, const int64_t *shape, int rank)
{
    const struct vit_config *c = &l->m->config;
    const int64_t patches = (int64_t)l->file_grid * l->file_grid;

    if (rank != 3 || shape[0] != 1 || shape[2] != s->shape[2]) return false;
    l->fold = c->cls && c->registers && shape[1] == patches + 1 && !c->position_prefix;
    return shape[1] == position_rows(l) || l->fold;
}

/* Leading axes of one do not count: (1, d) fits (d). */
static bool same_shape(const struct vit_slot *s, const int64_t *shape, int rank)
{
    int from = 0, to = 0;

    while (from < rank - 1 && shape[from] == 1) from++;
    while (to < s->rank - 1 && s->shape[to] == 1) to++;
    if (rank - from != s->rank - to) return false;
    for (; from < rank; from++, to++)
        if (shape[from] != s->shape[to]) return false;
    return true;
}

/* ---- matrices that are packed in the file ---- */

/* How the file laid out a matrix. */
static const struct kern_layout *file_layout(const struct vit_model *m, const struct vit_product *p)
{
    return &m->packing.layout[p->narrow ? m->packing.dtype : KERN_F32];
}

/* The packed form of slot i into l->packed, if the file has one; its size must be what the layout says. */
static enum vit_status find_packed(struct loading *l, int i, struct vit_error *err)
{
    struct vit_model *m = l->m;
    char name[sizeof m->slots[i].name + sizeof VIT_PACKED_SUFFIX], found[128];
    struct weights_source s;
    struct vit_product p;
    size_t bytes;
    bool fits;

    if (!m->packing.there || !vit_model_product(m, i, &p)) return VIT_OK;
    snprintf(name, sizeof name, "%s%s", m->slots[i].name, VIT_PACKED_SUFFIX);
    s = weights_view_find(l->view, name);
    if (s.parts != 1) return VIT_OK;
    bytes = vit_packed_bytes(file_layout(m, &p), p.n, p.k, &fits);
    if (!fits || s.part[0]->dtype != WEIGHTS_U8 || s.part[0]->rank != 1 || s.part[0]->count != bytes)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: \"%s\" is %s %s, expected U8 [%zu]: %d x %d packed for %s",
                        m->path, name, weights_dtype_name(s.part[0]->dtype),
                        weights_shape_text(s.part[0], found, sizeof found), bytes, p.n, p.k,
                        m->packing.kernels);
    l->packed[i] = s.part[0]->data;
    return VIT_OK;
}

/* Whether the products can read it where it lies; then they will. A writer that is not ours may have moved
 * it. */
static bool use_in_place(struct loading *l, int i)
{
    struct vit_model *m = l->m;
    struct vit_product p;

    if (vit_model_product(m, i, &p) && !m->trainable && (uintptr_t)l->packed[i] % VIT_ALIGN == 0 &&
        kern_layout_same(file_layout(m, &p), &m->kern.layout[p.dtype])) {
        m->ready[p.index] = l->packed[i];
        return true;
    }
    m->packing.in_place = false;
    return false;
}

static void unpack(const struct loading *l, int i, float *to)
{
    struct vit_product p = { 0 };

    vit_model_product(l->m, i, &p);
    kern_unpack(file_layout(l->m, &p), to, l->packed[i], p.n, p.k);
}

/* ---- fixed scales of what the products read ---- */

/* One number beside the matrix of slot i, if the file has one. */
static enum vit_status read_scale(struct loading *l, int i, struct vit_error *err)
{
    struct vit_model *m = l->m;
    char name[2 * sizeof m->slots[i].name], found[128];
    struct weights_source s;
    struct vit_product p;
    float scale = 0;

    if (!vit_model_product(m, i, &p) || !p.narrow) return VIT_OK;
    vit_scale_name(name, sizeof name, m->slots[i].name);
    s = weights_view_find(l->view, name);
    if (s.parts != 1) return VIT_OK;
    if (s.part[0]->dtype != WEIGHTS_F32 || s.part[0]->count != 1)
        return vit_fail(err, VIT_ERR_FORMAT, "%s: \"%s\" is %s %s, expected F32 [1]", m->path, name,
                        weights_dtype_name(s.part[0]->dtype),
                        weights_shape_text(s.part[0], found, sizeof found));
    memcpy(&scale, s.part[0]->data, sizeof scale);
    if (!kern_scale_fits(scale))
        return vit_fail(err, VIT_ERR_FORMAT, "%s: \"%s\" is %g, expected a scale from 2^-126 to 2^126",
                        m->path, name, (double)scale);
    l->left_out += m->trainable;
    if (!m->row_scales && !m->trainable) m->x_scale[p.index] = scale;
    return VIT_OK;
}

static enum vit_status read_packing(struct vit_model *m, struct vit_error *err)
{
    const char *text = weights_meta(m->file, "vit.packed");

    return text ? vit_packing_parse(&m->packing, m->path, text, err) : VIT_OK;
}

static void say_packed(struct loading *l)
{
    struct vit_model *m = l->m;
    bool used;

    if (!vit_model_packed(m, &used)) return;
    vit_model_say(m, false, "%s: matrices are packed in %s for %s; %s %s in %s", m->path,
                  kern_dtype_name(m->packing.dtype), m->packing.kernels,
                  used ? "used where they lie by" : "laid out again for", m->kern.name,
                  kern_dtype_name(m->dtype));
}

/* ---- finding and reading ---- */

/* All that is missing, of other shapes or not used, in one sentence. */
static enum vit_status refuse_tensors(struct loading *l, struct vit_error *err)
{
    struct vit_model *m = l->m;
    const struct vit_mismatch found = vit_model_mismatch(m, m->slots, m->slot_count, l->view, false);
    char placement[32], missing[96 + sizeof found.missing.text] = "";

    if (found.missing.count)
        snprintf(missing, sizeof missing,
                 "%d tensors that norm placement \"%s\" and this configuration need are missing: %s%s",
                 found.missing.count, vit_placement_text(&m->config.norm, placement, sizeof placement),
                 found.missing.text, l->misshapen.count ? "; of other shapes: " : "");
    return vit_fail(err, VIT_ERR_FORMAT, "%s: %s%s%s%s", m->path, missing, l->misshapen.text,
                    found.unused.count ? "; not used are " : "", found.unused.text);
}

/* Parts that are not what the slot's would be, each as the file has it. */
static void add_misshapen(struct loading *l, const struct vit_slot *s, const struct weights_source *source)
{
    struct vit_slot wanted = *s;
    char expected[64], found[128], text[256];

    if (is(l, s, &l->m->params.pos)) wanted.shape[1] = position_rows(l);
    for (int i = 0; i < source->parts; i++) {
        const struct weights_tensor *t = source->part[i];
        vit_slot_part_text(&wanted, &l->m->config, source->layout, source->parts, expected, sizeof expected);
        weights_shape_text(t, found, sizeof found);
        snprintf(text, sizeof text, "is %s, expected %s", found, expected);
        if (strcmp(found, expected)) vit_tensor_list_add(&l->misshapen, t->name, text);
    }
}

static bool source_fits(struct loading *l, const struct vit_slot *s, const struct weights_source *source)
{
    int64_t shape[WEIGHTS_RANK];
    int rank;

    if (!weights_source_shape(source, &rank, shape)) return false;
    return is(l, s, &l->m->params.pos) ? positions_fit(l, s, shape, rank) : same_shape(s, shape, rank);
}

/* Find every slot's tensor and compare shapes. */
static enum vit_status find_sources(struct loading *l, struct vit_error *err)
{
    struct vit_model *m = l->m;
    bool whole = true;

    for (int i = 0; i < m->slot_count; i++) {
        const struct vit_slot *s = &m->slots[i];
        enum vit_status status = find_packed(l, i, err);

        if (!status) status = read_scale(l, i, err);
        if (status) return status;
        if (l->packed[i]) continue;
        l->source[i] = weights_view_find(l->view, s->name);
        if (!l->source[i].parts)
            whole = whole && vit_model_may_lack(m, s);
        else if (!source_fits(l, s, &l->source[i]))
            whole = false, add_misshapen(l, s, &l->source[i]);
    }
    return whole ? VIT_OK : refuse_tensors(l, err);
}

static void say_unexpected(struct loading *l)
{
    struct vit_model *m = l->m;
    const struct vit_mismatch found = vit_model_mismatch(m, m->slots, m->slot_count, l->view, false);

    if (found.unused.count)
        vit_model_say(m, true, "%s: %d tensors are not used: %s", m->path, found.unused.count,
                      found.unused.text);
}

/* A slot is copied unless its tensor can be used where it lies. */
static bool must_copy(struct loading *l, int i)
{
    const struct vit_model *m = l->m;
    const bool resized = l->file_grid != vit_config_grid(&m->config);
    const bool moved = (resized || l->fold) && is(l, &m->slots[i], &l->m->params.pos);
    const bool folded = l->fold && is(l, &m->slots[i], &l->m->params.cls);

    if (l->packed[i]) return !use_in_place(l, i);
    return m->trainable || moved || folded || !weights_source_view(&l->source[i]);
}

/* Positions from the file, resized to the model's grid as the checkpoint's family does. */
static enum vit_status read_positions(struct loading *l, int i, float *out, struct vit_error *err)
{
    struct vit_model *m = l->m;
    const struct vit_config *c = &m->config;
    const size_t d = (size_t)c->width;
    const size_t prefix = l->fold ? 1 : c->position_prefix ? (size_t)vit_config_prefix(c) : 0;
    const size_t rows = prefix + (size_t)l->file_grid * (size_t)l->file_grid;
    float *file = malloc(rows * d * sizeof *file);
    enum vit_status status;

    if (!file) return vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate the position embeddings", m->path);
    status = weights_source_read(&l->source[i], m->path, file, err);
    if (!status && !l->fold) {
        memcpy(out, file, prefix * d * sizeof *out);
        out += prefix * d;
    } else if (!status) {
        for (size_t j = 0; j < d; j++) m->params.cls[j] += file[j];
        vit_model_say(m, false, "%s: the class token's position is added to the class token", m->path);
    }
    if (!status)
        status = weights_resample_grid(out, file + prefix * d, l->file_grid, vit_config_grid(c), c->width,
                                       c->position_resample, err);
    free(file);
    return status;
}

static enum vit_status read_value(struct loading *l, int i, float *out, struct vit_error *err)
{
    const struct vit_slot *s = &l->m->slots[i];

    if (l->packed[i]) return unpack(l, i, out), VIT_OK;
    if (!l->source[i].parts) return memset(out, 0, s->count * sizeof *out), VIT_OK;
    if (is(l, s, &l->m->params.pos)) return read_positions(l, i, out, err);
    return weights_source_read(&l->source[i], l->m->path, out, err);
}

static enum vit_status read_values(struct loading *l, const bool *copied, struct vit_error *err)
{
    struct vit_model *m = l->m;
    enum vit_status status = VIT_OK;

    for (int i = 0; !status && i < m->slot_count; i++) {
        float **to = vit_slot_pointer(&m->params, &m->slots[i]);
        if (copied[i])
            status = read_value(l, i, *to, err);
        else if (!l->packed[i])
            *to = (float *)weights_source_view(&l->source[i]); /* read only: the model is not trainable */
    }
    return status;
}

static void say_integers(struct loading *l)
{
    int count = 0;

    for (int i = 0; i < l->m->slot_count; i++) count += l->source[i].parts && l->source[i].scale[0];
    if (count)
        vit_model_say(l->m, false, "%s: %d matrices are stored as int8; computed in %s", l->m->path, count,
                      kern_dtype_name(l->m->dtype));
    count = vit_model_fixed_scales(l->m);
    if (count)
        vit_model_say(l->m, false, "%s: %d products have fixed scales for what they read in int8", l->m->path,
                      count);
    if (l->left_out)
        vit_model_say(l->m, false,
                      "%s: %d fixed scales for int8 are left out: training changes what the products read",
                      l->m->path, l->left_out);
}

static void say_resized(struct loading *l)
{
    const int grid = vit_config_grid(&l->m->config);

    if (l->file_grid != grid && l->m->config.position == VIT_POS_LEARNED)
        vit_model_say(l->m, true, "%s: position embeddings resized from %dx%d to %dx%d", l->m->path,
                      l->file_grid, l->file_grid, grid, grid);
}

void vit_model_say_border(struct vit_model *m)
{
    const int image = m->config.image, patch = m->config.stem.patch, rest = patch ? image % patch : 0;

    if (rest)
        vit_model_say(m, true,
                      "%s: %d pixels a side are no multiple of the patch's %d: the last %d rows and columns "
                      "of a picture are not seen",
                      m->path, image, patch, rest);
}

enum vit_status vit_model_load(struct vit_model *m, struct weights_view *view, int image,
                               struct vit_error *err)
{
    struct loading l = { .m = m, .view = view, .file_grid = vit_config_grid(&m->config) };
    bool *copied = NULL;
    enum vit_status status;

    if (image) m->config.image = m->recipe.size = image;
    status = vit_config_check(&m->config, m->path, err);
    if (!status) status = read_packing(m, err);
    if (!status) status = vit_model_make_slots(m, err);
    if (status) return status;
    l.source = calloc((size_t)m->slot_count, sizeof *l.source);
    l.packed = calloc((size_t)m->slot_count, sizeof *l.packed);
    copied = calloc((size_t)m->slot_count, sizeof *copied);
    if (!l.source || !l.packed || !copied)
        status = vit_fail(err, VIT_ERR_NOMEM, "%s: cannot allocate the tables", m->path);
    else
        status = find_sources(&l, err);
    for (int i = 0; !status && i < m->slot_count; i++) copied[i] = must_copy(&l, i);
    if (!status) status = vit_model_carve(m, m->trainable ? NULL : copied, err);
    if (!status) status = read_values(&l, copied, err);
    if (!status) say_unexpected(&l);
    if (!status) say_integers(&l);
    if (!status) say_packed(&l);
    if (!status) say_resized(&l);
    if (!status) vit_model_say_border(m);
    if (!status) vit_model_pack(m, NULL);
    free(copied);
    free(l.packed);
    free(l.source);
    return status;
}
