/* A figure as a file of its own: what the page shows of it, on its own ground, in one drawing. */
#include <stdlib.h>

#include "tools/markup.h"
#include "tools/memory.h"
#include "tools/report_figures.h"
#include "vit/text.h"

/* Lengths in the units of the plots. Of letters: about their width, wide enough for any usual font. */
enum {
    MARGIN = 16,
    BESIDE = 24, /* between panels */
    BELOW = 18,
    MOST_COLUMNS = 3,
    TITLE = 18, /* sizes of text */
    HEADING = 15,
    SAID = 13,
};
static const double LETTER = 0.63, BOLD_LETTER = 0.7; /* of the size */

static const char FONTS[] =
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";

/* A drawing that grows downwards. */
struct sheet {
    FILE *out;
    const struct report_drawing *d;
    int width, y; /* where the next part begins */
};

static int columns_of(const struct report_drawing *d)
{
    int most = 1;

    for (size_t from = 0, to; from < d->count; from = to) {
        int n = d->panel[from].columns;
        to = report_row_end(d, from);
        if (!n) n = (int)(to - from);
        if (n > most) most = n;
    }
    return most < MOST_COLUMNS ? most : MOST_COLUMNS;
}

static int column_at(int column)
{
    return MARGIN + column * (PLOT_WIDTH + BESIDE);
}

/* ---- lines of text ---- */

/* Bytes of the first line of text: whole words, as many as there is room for, at least one. */
static size_t line_of(const char *text, int size, int width)
{
    const size_t room = (size_t)(width / (BOLD_LETTER * size));
    size_t length = strcspn(text, " ");

    while (text[length]) {
        const size_t next = length + 1 + strcspn(text + length + 1, " ");
        if (next > room) break;
        length = next;
    }
    return length;
}

/* Below each other from y on, bold; out NULL: nothing is written. Returns how many lines. */
static int put_lines(FILE *out, const char *text, int size, int x, int y, int width)
{
    int lines = 0;

    for (; *text; lines++) {
        const size_t length = line_of(text, size, width);
        char line[2 * REPORT_LABEL];
        snprintf(line, sizeof line, "%.*s", (int)length, text);
        if (out)
            markup_put(out, "<text class=\"title\" font-size=\"%d\" x=\"%d\" y=\"%d\">%s</text>\n", size, x,
                       y + size + lines * (size + 4), line);
        text += length + strspn(text + length, " ");
    }
    return lines;
}

static int lines_tall(int lines, int size)
{
    return lines * (size + 4);
}

static void put_heading(struct sheet *s, const char *text, int size)
{
    const int lines = put_lines(s->out, text, size, MARGIN, s->y, s->width - 2 * MARGIN);

    s->y += lines_tall(lines, size) + 6;
}

/* ---- the legend: entries beside each other, as many as there is room for in a line ---- */

static void put_legend(struct sheet *s)
{
    int x = MARGIN;

    for (size_t i = 0; i < s->d->legend_count; i++) {
        const struct report_legend *l = &s->d->legend[i];
        const int key = plot_key_width(&l->key), text = (int)(LETTER * SAID * (double)strlen(l->name));

        if (x > MARGIN && x + key + 6 + text > s->width - MARGIN) x = MARGIN, s->y += PLOT_KEY_TALL + 6;
        fprintf(s->out, "<g transform=\"translate(%d %d)\">", x, s->y);
        plot_draw_key(s->out, &l->key);
        markup_put(s->out, "</g><text class=\"said\" font-size=\"%d\" x=\"%d\" y=\"%d\">%s</text>\n", SAID,
                   x + key + 6, s->y + PLOT_KEY_TALL - 2, l->name);
        x += key + 6 + text + 20;
    }
    s->y += PLOT_KEY_TALL + BELOW;
}

/* ---- panels ---- */

/* The panels from..to - 1 with data, beside each other from a column on. */
static void put_panels(struct sheet *s, const size_t *panel, const int *column, int count)
{
    int lines = 0, tall = 0;

    for (int i = 0; i < count; i++) {
        const int n = put_lines(NULL, s->d->panel[panel[i]].label, SAID, 0, 0, PLOT_WIDTH);
        const int height = plot_height(&s->d->plot[panel[i]]);
        lines = n > lines ? n : lines;
        tall = height > tall ? height : tall;
    }
    for (int i = 0; i < count; i++) {
        char id[64];
        snprintf(id, sizeof id, "%s-%zu", s->d->figure->id, panel[i]);
        put_lines(s->out, s->d->panel[panel[i]].label, SAID, column_at(column[i]), s->y, PLOT_WIDTH);
        plot_group(s->out, &s->d->plot[panel[i]], id, column_at(column[i]),
                   s->y + lines_tall(lines, SAID) + 4);
    }
    s->y += lines_tall(lines, SAID) + 4 + tall + BELOW;
}

/* A row of the figure, in several of the drawing where it has too many panels. */
static void put_row(struct sheet *s, size_t from, size_t to)
{
    const bool columns = s->d->panel[from].columns && s->d->panel[from].columns <= MOST_COLUMNS;
    size_t panel[MOST_COLUMNS];
    int column[MOST_COLUMNS], count = 0;

    for (size_t i = from; i < to; i++) {
        if (!plot_has_data(&s->d->plot[i])) continue;
        if (count == MOST_COLUMNS) put_panels(s, panel, column, count), count = 0;
        panel[count] = i;
        column[count] = columns ? s->d->panel[i].column : count;
        count++;
    }
    put_panels(s, panel, column, count);
}

static void put_rows(struct sheet *s)
{
    const char *heading = NULL;

    for (size_t from = 0, to; from < s->d->count; from = to) {
        to = report_row_end(s->d, from);
        if (report_heading(s->d, from)) heading = report_heading(s->d, from);
        if (!report_row_shown(s->d, from, to)) continue;
        if (heading) put_heading(s, heading, HEADING);
        heading = NULL;
        put_row(s, from, to);
    }
}

/* ---- the file ---- */

static void put_head(FILE *out, const struct sheet *s, const char *title)
{
    const char *id = s->d->figure->id;
    const int height = s->y + MARGIN - BELOW;

    markup_put(out,
               "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
               "font-family=\"%s\" role=\"img\" aria-labelledby=\"%s-t %s-d\">\n<title id=\"%s-t\">%s</title>"
               "<desc id=\"%s-d\">%s</desc>\n<style>\n",
               s->width, height, s->width, height, FONTS, id, id, id, title, id, s->d->figure->caption);
    plot_styles_alone(out);
    fprintf(out, "</style>\n<rect class=\"ground\" x=\"0\" y=\"0\" width=\"%d\" height=\"%d\"/>\n", s->width,
            height);
}

/* How tall it is shows when all is drawn. */
static bool put_file(FILE *out, const struct report_drawing *d, const char *title)
{
    struct memory body;
    struct sheet s = { .out = memory_open(&body), .d = d, .y = MARGIN };
    bool whole = s.out != NULL;

    if (whole) {
        s.width = column_at(columns_of(d)) - BESIDE + MARGIN;
        put_heading(&s, title, TITLE);
        put_legend(&s);
        put_rows(&s);
        whole = memory_close(&body);
    }
    if (whole) {
        put_head(out, &s, title);
        fwrite(body.bytes, 1, body.size, out);
        fputs("</svg>\n", out);
    }
    free(body.bytes);
    return whole;
}

/* The figures that have data, in a sentence. */
static enum vit_status refuse(const struct report *r, const struct report_figure *f, struct vit_error *err)
{
    const struct report_figure *other;
    char names[200] = "";

    for (size_t i = 0; (other = report_figure_at(i)); i++) {
        struct report_drawing d;
        report_draw(&d, r, other);
        if (d.any) vit_list_add(names, sizeof names, ", ", other->id);
        report_drawing_free(&d);
    }
    return vit_fail(err, VIT_ERR_ARG, "figure %s: the inputs have no data for it, expected one of %s", f->id,
                    *names ? names : "no figure at all");
}

enum vit_status report_svg(FILE *out, const struct report *r, const char *id, const char *title,
                           struct vit_error *err)
{
    const struct report_figure *f = report_find_figure(id);
    struct report_drawing d;
    enum vit_status status = VIT_OK;

    if (!f) return vit_fail(err, VIT_ERR_ARG, "figure %s: there is none of that name", id);
    report_draw(&d, r, f);
    if (!d.failed && !d.any)
        status = refuse(r, f, err);
    else if (d.failed || !put_file(out, &d, title ? title : f->title))
        status = vit_fail(err, VIT_ERR_NOMEM, "figure %s: no memory", id);
    report_drawing_free(&d);
    return status;
}
