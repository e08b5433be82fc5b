/* explain.h - attention maps laid over a picture: panels in rows and columns, each with text above.
 *
 *     const struct explain_sheet s = { &picture, rows, columns, 0.6f, PATCH_BILINEAR };
 *     const struct explain_panel panels[] = { { .line = { "picture" } },
 *                                             { map, { "rollout", "x0.3 - x2.1" }, 0, 1 } };
 *     explain_draw(&image, &s, panels, 2, &err);
 *     patch_image_free(&image);
 *
 * Every map has the colours of its own range, dark where it is least. Under them the picture is grey, so that
 * each colour is the map's. */
#ifndef TOOLS_EXPLAIN_H
#define TOOLS_EXPLAIN_H

#include "patch/patch.h"

enum { EXPLAIN_TEXT = 32 };

struct explain_panel {
    const double *map;          /* (rows, columns), finite; NULL: the picture as it is */
    char line[2][EXPLAIN_TEXT]; /* of what explain_write can write */
    int row, column;            /* its place on the sheet */
};

struct explain_sheet {
    const struct patch_image *picture;
    int rows, columns; /* of a map */
    float alpha;       /* of its colours: 0 the picture alone, 1 the map alone */
    enum patch_filter filter;
};

/* VIT_ERR_ARG: panels with their text, of pictures of up to side pixels a side, make a sheet that is too
 * large to be drawn. Maps are not read. */
enum vit_status explain_check(int side, const struct explain_panel *panels, int count, struct vit_error *err);

/* *out: owned by the caller, zeroed on failure. Fails as explain_check does too. */
enum vit_status explain_draw(struct patch_image *out, const struct explain_sheet *s,
                             const struct explain_panel *panels, int count, struct vit_error *err);

/* explain_colours.c: i from 0 to 255. */
void explain_colour(unsigned char rgb[3], int i);

/* explain_letters.c: text in black from (x, y), what lies outside is left out; a dot of a letter is a square
 * of dot pixels. Characters it has no letter for are blank. */
enum { EXPLAIN_LETTER_WIDTH = 6, EXPLAIN_LETTER_HEIGHT = 10 }; /* in dots, with the space around */
void explain_write(struct patch_image *image, const char *text, int x, int y, int dot);

#endif
