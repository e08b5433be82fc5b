/* The placements of a report, and their styles. */
#include "tools/report_parts.h"
#include "vit/text.h"
#include "vit/vit.h"

/* The place in the library's table, so that pre looks the same on every page; -1: none that it knows. */
static int known_style(const char *norm)
{
    struct vit_norm_config n;

    return vit_placement_parse(&n, norm, NULL) ? -1 : (int)n.placement;
}

static bool style_taken(const struct report *r, int style)
{
    for (size_t i = 0; i < r->norm_count; i++)
        if (r->styles[i] == style) return true;
    return false;
}

/* *lowest: all below are taken. */
static int free_style(const struct report *r, const char *norm, int *lowest)
{
    const int style = known_style(norm);

    if (style >= 0 && !style_taken(r, style)) return style;
    while (style_taken(r, *lowest)) ++*lowest;
    return *lowest;
}

int report_norm(const struct report *r, const char *norm)
{
    return vit_index_of(r->norms, r->norm_count, norm);
}

static enum vit_status add_norm(struct report *r, const char *norm, int *lowest, struct vit_error *err)
{
    enum vit_status status = VIT_OK;

    if (report_norm(r, norm) >= 0) return VIT_OK;
    status = report_grow((void **)&r->norms, r->norm_count, sizeof *r->norms, err);
    if (!status) status = report_grow((void **)&r->styles, r->norm_count, sizeof *r->styles, err);
    if (status) return status;
    r->styles[r->norm_count] = free_style(r, norm, lowest);
    r->norms[r->norm_count++] = norm;
    return VIT_OK;
}

/* By style: few, so by insertion. */
static void sort_norms(struct report *r)
{
    for (size_t i = 1; i < r->norm_count; i++)
        for (size_t k = i; k > 0 && r->styles[k - 1] > r->styles[k]; k--) {
            const char *norm = r->norms[k];
            const int style = r->styles[k];
            r->norms[k] = r->norms[k - 1], r->norms[k - 1] = norm;
            r->styles[k] = r->styles[k - 1], r->styles[k - 1] = style;
        }
}

/* Known names before the others, which take what styles are left. */
enum vit_status report_find_norms(struct report *r, struct vit_error *err)
{
    enum vit_status status = VIT_OK;
    int lowest = 0;

    for (int known = 1; known >= 0; known--) {
        for (size_t i = 0; i < r->cell_count && !status; i++)
            if ((known_style(r->cells[i].norm) >= 0) == known)
                status = add_norm(r, r->cells[i].norm, &lowest, err);
        for (size_t i = 0; i < r->block_count && !status; i++)
            if ((known_style(r->blocks[i].norm) >= 0) == known)
                status = add_norm(r, r->blocks[i].norm, &lowest, err);
    }
    sort_norms(r);
    return status;
}

int report_style(const struct report *r, const char *norm)
{
    const int i = report_norm(r, norm);

    return i < 0 ? 0 : r->styles[i];
}
