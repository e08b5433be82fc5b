/* The figures of the page. */
#include "tools/markup.h"
#include "tools/report_figures.h"
#include "tools/report_page.h"

/* Columns that the style sheet knows; more stand one after the other. */
enum { MOST_COLUMNS = 3 };

void report_put_key(FILE *out, const struct report *r, size_t norm)
{
    plot_key_svg(out, &(struct plot_key){ .style = r->styles[norm], .parts = PLOT_LINE | PLOT_MARKS });
}

static void put_legend(FILE *out, const struct report_drawing *d)
{
    fputs("<ul class=\"legend\">", out);
    for (size_t i = 0; i < d->legend_count; i++) {
        fputs("<li>", out);
        plot_key_svg(out, &d->legend[i].key);
        markup_put(out, "%s</li>", d->legend[i].name);
    }
    fputs("</ul>\n", out);
}

static void put_panel(FILE *out, const struct report_drawing *d, size_t i)
{
    char id[64];

    snprintf(id, sizeof id, "%s-%zu", d->figure->id, i);
    markup_put(out, "<div class=\"panel\"><h5>%s</h5>", d->panel[i].label);
    plot_svg(out, &d->plot[i], id);
    fputs("</div>\n", out);
}

/* A depth that the row lacks is a hole in it, so that depths stand below each other. */
static void put_row(FILE *out, const struct report_drawing *d, size_t from, size_t to)
{
    const int columns = d->panel[from].columns <= MOST_COLUMNS ? d->panel[from].columns : 0;
    int column = 0;

    if (columns)
        markup_put(out, "<div class=\"panels c%d\">\n", columns);
    else
        fputs("<div class=\"panels\">\n", out);
    for (size_t i = from; i < to; i++) {
        if (!plot_has_data(&d->plot[i])) continue;
        for (; columns && column < d->panel[i].column; column++) fputs("<div class=\"hole\"></div>", out);
        put_panel(out, d, i);
        column++;
    }
    fputs("</div>\n", out);
}

static void put_rows(FILE *out, const struct report_drawing *d)
{
    const char *heading = NULL;

    for (size_t from = 0, to; from < d->count; from = to) {
        to = report_row_end(d, from);
        if (report_heading(d, from)) heading = report_heading(d, from);
        if (!report_row_shown(d, from, to)) continue;
        if (heading) markup_put(out, "<h4>%s</h4>\n", heading);
        heading = NULL;
        put_row(out, d, from, to);
    }
}

/* Runs that no logarithmic axis of rates has a place for. */
static bool leaves_out(const struct report *r, const struct report_figure *f)
{
    if (f->section != REPORT_RATES || f->x.scale != PLOT_LOG) return false;
    for (size_t i = 0; i < r->cell_count; i++)
        if (r->cells[i].lr == 0) return true;
    return false;
}

static void put_figure(FILE *out, const struct report *r, const struct report_drawing *d, int number)
{
    markup_put(out, "<figure id=\"%s\"><h3>%s</h3>\n", d->figure->id, d->figure->title);
    put_legend(out, d);
    put_rows(out, d);
    markup_put(out, "<figcaption><b>Figure %d.</b> %s%s%s</figcaption></figure>\n", number,
               d->figure->caption, report_heading(d, 0) ? " Panels under one heading have one scale." : "",
               leaves_out(r, d->figure) ? " Runs at a rate of 0 have no place here; the tables have them."
                                        : "");
}

int report_put_figures(FILE *out, const struct report *r, enum report_section section, int number)
{
    const struct report_figure *f;

    for (size_t i = 0; number > 0 && (f = report_figure_at(i)); i++) {
        struct report_drawing d;
        if (f->section != section) continue;
        report_draw(&d, r, f);
        if (d.any && !d.failed) put_figure(out, r, &d, number++);
        if (d.failed) number = -1;
        report_drawing_free(&d);
    }
    return number;
}
