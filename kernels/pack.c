#include <string.h>

#include "kernels/kern.h"
#include "vit/arena.h"

/* ---- packing ---- */

struct packing {
    const struct kern *k;
    const struct kern_pack_job *jobs;
};

static void pack_task(const void *work, int task, int worker)
{
    const struct packing *p = work;
    const struct kern_pack_job *j = &p->jobs[task];

    (void)worker;
    kern_pack(p->k, j->dtype, j->to, j->w, j->n, j->k, j->back);
}

void kern_pack_all(const struct kern_ctx *c, const struct kern_pack_job *jobs, int count)
{
    const struct packing p = { c->k, jobs };

    kern_share(c, false, pack_task, &p, count);
}

/* ---- layouts ---- */

/* Panels are whole vectors: of 4 floats at least, and wider than any CPU's would be a mistake. */
enum { LEAST_PANEL = 4, MOST_PANEL = 256 };

bool kern_layout_known(const struct kern_layout *l)
{
    const bool bytes = l->bytes == 1 && l->fold == 4 && l->dtype == KERN_I8;
    const bool numbers =
        (l->bytes == 4 || (l->bytes == 2 && l->dtype != KERN_F32)) && (l->fold == 1 || l->fold == 2);
    const bool panel = l->panel >= LEAST_PANEL && l->panel <= MOST_PANEL && l->panel % LEAST_PANEL == 0;

    return (bytes || numbers) && panel;
}

bool kern_layout_same(const struct kern_layout *a, const struct kern_layout *b)
{
    return a->dtype == b->dtype && a->panel == b->panel && a->fold == b->fold && a->bytes == b->bytes;
}

static size_t units(int n, int unit)
{
    return ((size_t)n + (size_t)unit - 1) / (size_t)unit;
}

size_t kern_layout_bytes(const struct kern_layout *l, int n, int k, bool *fits)
{
    const size_t outputs = units(n, l->panel) * (size_t)l->panel;
    const size_t scales = l->dtype == KERN_I8 ? outputs * sizeof(float) : 0;
    const size_t behind = scales + (l->bytes == 1 ? outputs * sizeof(uint32_t) : 0);
    size_t bytes = outputs;

    *fits = vit_size_mul(&bytes, units(k, l->fold) * (size_t)l->fold) &&
            vit_size_mul(&bytes, (size_t)l->bytes) && bytes <= SIZE_MAX / 2 - behind;
    return *fits ? bytes + behind : 0;
}

size_t kern_pack_bytes(const struct kern *k, enum kern_dtype dtype, int n, int kk, bool back)
{
    const struct kern_layout *l = &k->layout[dtype];
    size_t bytes;
    bool fits;

    if (!l->panel || (back && dtype == KERN_I8)) return 0;
    bytes = kern_layout_bytes(l, back ? kk : n, back ? n : kk, &fits);
    return fits ? bytes : SIZE_MAX;
}

/* Number i of the panels. */
static float number_at(const struct kern_layout *l, const unsigned char *panels, size_t i)
{
    float value;
    uint16_t bits;

    if (l->bytes == 4) {
        memcpy(&value, panels + i * sizeof value, sizeof value);
        return value;
    }
    if (l->bytes == 1) return (float)(int8_t)panels[i];
    memcpy(&bits, panels + i * sizeof bits, sizeof bits);
    return l->dtype == KERN_BF16 ? vit_from_bf16(bits) : (float)(int16_t)bits;
}

/* Row after row of w: a panel's lines are read again for each of its outputs, from a cache. */
void kern_unpack(const struct kern_layout *l, float *w, const void *packed, int n, int k)
{
    const unsigned char *panels = packed;
    const size_t fold = (size_t)l->fold, line = (size_t)l->panel * fold, panel = units(k, l->fold) * line;
    const unsigned char *scales = panels + units(n, l->panel) * panel * (size_t)l->bytes;

    for (int j = 0; j < n; j++, w += k) {
        const size_t first = (size_t)(j / l->panel) * panel + (size_t)(j % l->panel) * fold;
        float scale = 1;

        if (l->dtype == KERN_I8) memcpy(&scale, scales + (size_t)j * sizeof scale, sizeof scale);
        for (size_t i = 0; i < (size_t)k; i++)
            w[i] = number_at(l, panels, first + i / fold * line + i % fold) * scale;
    }
}
