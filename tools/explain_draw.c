#include <string.h>

#include "tools/explain.h"

/* Where things are, in pixels: every panel has the place of the largest. */
struct layout {
    int dot, text, gap; /* of letters; height of both lines; between panels and around them */
    int width, height;  /* of a panel with its text */
    int rows, columns;  /* of panels */
};

static int64_t sheet_width(const struct layout *l)
{
    return l->gap + (int64_t)l->columns * (l->width + l->gap);
}

static int64_t sheet_height(const struct layout *l)
{
    return l->gap + (int64_t)l->rows * (l->height + l->gap);
}

/* No larger than what we would read again, and far from where stb_image_write's int ends. */
static enum vit_status check_size(const struct layout *l, int count, struct vit_error *err)
{
    const int64_t width = sheet_width(l), height = sheet_height(l);

    if (width <= PATCH_MAX_SIDE && height <= PATCH_MAX_SIDE && width * height <= PATCH_MAX_PIXELS)
        return VIT_OK;
    return vit_fail(
        err, VIT_ERR_ARG,
        "%d panels are %lld x %lld pixels, expected at most %d and %d a side: choose fewer or smaller ones",
        count, (long long)width, (long long)height, PATCH_MAX_PIXELS, PATCH_MAX_SIDE);
}

static int larger(int a, int b)
{
    return a > b ? a : b;
}

/* Of pictures of width x height. VIT_ERR_ARG: the sheet is too large. */
static enum vit_status lay_out(struct layout *out, int width, int height, const struct explain_panel *panels,
                               int count, struct vit_error *err)
{
    struct layout l = { .dot = larger(1, larger(width, height) / 112), .width = width };

    l.gap = 4 * l.dot;
    l.text = 2 * EXPLAIN_LETTER_HEIGHT * l.dot;
    l.height = l.text + height;
    for (int i = 0; i < count; i++) {
        l.rows = larger(l.rows, panels[i].row + 1);
        l.columns = larger(l.columns, panels[i].column + 1);
        for (int k = 0; k < 2; k++)
            l.width = larger(l.width, (int)strlen(panels[i].line[k]) * EXPLAIN_LETTER_WIDTH * l.dot);
    }
    *out = l;
    return check_size(&l, count, err);
}

enum vit_status explain_check(int side, const struct explain_panel *panels, int count, struct vit_error *err)
{
    struct layout l;

    return lay_out(&l, side, side, panels, count, err);
}

/* The map as a grey picture of the picture's size: 0 where it is least, 255 where it is most. */
static enum vit_status enlarge(struct patch_image *out, const struct explain_sheet *s, const double *map,
                               struct vit_error *err)
{
    const size_t cells = (size_t)s->rows * (size_t)s->columns;
    double least = map[0], most = map[0];
    struct patch_image small;
    enum vit_status status = patch_image_create(&small, s->columns, s->rows, err);

    if (status) return status;
    for (size_t i = 0; i < cells; i++) {
        if (map[i] < least) least = map[i];
        if (map[i] > most) most = map[i];
    }
    for (size_t i = 0; i < cells; i++)
        memset(small.rgb + 3 * i, most > least ? (int)(255 * (map[i] - least) / (most - least) + 0.5) : 0, 3);
    status = patch_resize(out, &small, s->picture->width, s->picture->height, s->filter, err);
    patch_image_free(&small);
    return status;
}

/* Grey by ITU-R BT.601, as Pillow's convert("L"). */
static float grey(const unsigned char *rgb)
{
    return 0.299f * rgb[0] + 0.587f * rgb[1] + 0.114f * rgb[2];
}

/* out and picture (width, 3), map (width, 3) of which one number counts. */
static void blend_row(unsigned char *out, const unsigned char *picture, const unsigned char *map, int width,
                      float alpha)
{
    unsigned char colour[3];

    for (int i = 0; i < 3 * width; i += 3) {
        explain_colour(colour, map[i]);
        for (int c = 0; c < 3; c++)
            out[i + c] = (unsigned char)((1 - alpha) * grey(picture + i) + alpha * colour[c] + 0.5f);
    }
}

static enum vit_status draw_panel(struct patch_image *out, const struct explain_sheet *s,
                                  const struct layout *l, const struct explain_panel *p,
                                  struct vit_error *err)
{
    const int x = l->gap + p->column * (l->width + l->gap), y = l->gap + p->row * (l->height + l->gap);
    const size_t stride = (size_t)s->picture->width * 3;
    struct patch_image map = { 0 };
    enum vit_status status = p->map ? enlarge(&map, s, p->map, err) : VIT_OK;

    if (status) return status;
    for (int i = 0; i < 2; i++)
        explain_write(out, p->line[i], x, y + i * EXPLAIN_LETTER_HEIGHT * l->dot, l->dot);
    for (int row = 0; row < s->picture->height; row++) {
        const size_t from = (size_t)row * stride;
        unsigned char *to = out->rgb + ((size_t)(y + l->text + row) * (size_t)out->width + (size_t)x) * 3;

        if (p->map)
            blend_row(to, s->picture->rgb + from, map.rgb + from, s->picture->width, s->alpha);
        else
            memcpy(to, s->picture->rgb + from, stride);
    }
    patch_image_free(&map);
    return VIT_OK;
}

enum vit_status explain_draw(struct patch_image *out, const struct explain_sheet *s,
                             const struct explain_panel *panels, int count, struct vit_error *err)
{
    struct layout l;
    enum vit_status status = lay_out(&l, s->picture->width, s->picture->height, panels, count, err);

    *out = (struct patch_image){ 0 };
    if (!status) status = patch_image_create(out, (int)sheet_width(&l), (int)sheet_height(&l), err);
    if (status) return status;
    memset(out->rgb, 255, (size_t)out->width * (size_t)out->height * 3);
    for (int i = 0; !status && i < count; i++) status = draw_panel(out, s, &l, &panels[i], err);
    if (status) patch_image_free(out);
    return status;
}
