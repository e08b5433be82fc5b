#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/markup.h"
#include "tools/plot_parts.h"
#include "vit/arena.h"

static const struct plot_style STYLES[] = {
    { "", "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z", 0 },
    { "7 3", "m-3.6-3.6h7.2v7.2h-7.2z", 1 },
    { "2 2.5", "m0-5l4.6 8h-9.2z", 2 },
    { "9 3 2 3", "m0-5.2l5.2 5.2l-5.2 5.2l-5.2-5.2z", 3 },
    { "4 2", "m0 5l4.6-8h-9.2z", 4 },
    { "12 3", "m-1.6-4.6h3.2v3h3v3.2h-3v3h-3.2v-3h-3v-3.2h3z", 5 },
    { "6 2 2 2 2 2", "m0-4.8l4.6 3.3l-1.8 5.4h-5.6l-1.8-5.4z", 6 },
    { "1.5 3", "m-5 0l8-4.6v9.2z", 7 },
    { "14 3 3 3", "m5 0l-8-4.6v9.2z", 0 },
    { "3 1.5 1 1.5", "m-2.4-4.2h4.8l2.4 4.2l-2.4 4.2h-4.8l-2.4-4.2z", 1 },
};

const struct plot_style *plot_style(int i)
{
    return &STYLES[i % (int)VIT_COUNT(STYLES)];
}

/* ---- the data ---- */

static bool grow(struct plot *p, void **items, size_t count, size_t size)
{
    p->failed = p->failed || !vit_grow(items, count, size);
    return !p->failed;
}

int plot_series(struct plot *p, struct plot_series s)
{
    if (!grow(p, (void **)&p->series, p->series_count, sizeof s)) return -1;
    s.points = NULL;
    s.count = 0;
    p->series[p->series_count] = s;
    return (int)p->series_count++;
}

void plot_point(struct plot *p, int series, struct plot_point point)
{
    struct plot_series *s = series < 0 ? NULL : &p->series[series];

    if (s && grow(p, (void **)&s->points, s->count, sizeof point)) s->points[s->count++] = point;
}

int plot_lane(struct plot *p, const char *label, bool above)
{
    if (!grow(p, (void **)&p->lanes, p->lane_count, sizeof *p->lanes)) return -1;
    p->lanes[p->lane_count] = (struct plot_lane){ .label = label, .above = above };
    return (int)p->lane_count++;
}

void plot_item(struct plot *p, int lane, struct plot_item item)
{
    struct plot_lane *l = lane < 0 ? NULL : &p->lanes[lane];

    if (l && grow(p, (void **)&l->items, l->count, sizeof item)) l->items[l->count++] = item;
}

void plot_free(struct plot *p)
{
    for (size_t i = 0; i < p->series_count; i++) free(p->series[i].points);
    for (size_t i = 0; i < p->lane_count; i++) free(p->lanes[i].items);
    free(p->series);
    free(p->lanes);
    *p = (struct plot){ 0 };
}

bool plot_has_data(const struct plot *p)
{
    for (size_t i = 0; i < p->lane_count; i++)
        if (p->lanes[i].count) return true;
    for (size_t i = 0; i < p->series_count; i++)
        for (size_t k = 0; k < p->series[i].count; k++)
            if (isfinite(p->series[i].points[k].x) && isfinite(p->series[i].points[k].y)) return true;
    return false;
}

/* ---- markers, keys, colours ---- */

void plot_mark(FILE *out, const char *classes, int style, double x, double y)
{
    const struct plot_style *s = plot_style(style);

    markup_put(out, "<path class=\"%s k%d\" d=\"M%.1f %.1f%s\"", classes, s->colour, x, y, s->shape);
}

void plot_end_mark(FILE *out, const char *title)
{
    if (*title)
        markup_put(out, "><title>%s</title></path>", title);
    else
        fputs("/>", out);
}

void plot_cross(FILE *out, const char *classes, int style, double x, double y)
{
    markup_put(out, "<path class=\"%s k%d\" d=\"M%.1f %.1fl10-10m0 10l-10-10\"/>", classes,
               plot_style(style)->colour, x - 5, y + 5);
}

/* Keys are as high as PLOT_KEY_TALL and stand in the middle of that. */
static void draw_key(FILE *out, int style, unsigned parts)
{
    const struct plot_style *s = plot_style(style);

    if (parts & PLOT_LINE) {
        markup_put(out, "<path class=\"line%s k%d\" d=\"M1 7h32\"", parts & PLOT_FAINT ? " faint" : "",
                   s->colour);
        if (*s->dash) markup_put(out, " stroke-dasharray=\"%s\"", s->dash);
        fputs("/>", out);
    }
    if (parts & PLOT_MARKS) {
        plot_mark(out, "mark", style, 17, 7);
        fputs("/>", out);
    }
    if (parts & PLOT_STOPS) plot_cross(out, "cross", style, 17, 7);
}

static void draw_lost_key(FILE *out)
{
    fputs("<path class=\"hollow ink\" d=\"M7 7m-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z\"/>"
          "<path class=\"cross ink\" d=\"M2 12l10-10m0 10l-10-10\"/>",
          out);
}

int plot_key_width(const struct plot_key *k)
{
    return k->lost ? 14 : 34;
}

void plot_draw_key(FILE *out, const struct plot_key *k)
{
    if (k->lost)
        draw_lost_key(out);
    else
        draw_key(out, k->style, k->parts);
}

void plot_key_svg(FILE *out, const struct plot_key *k)
{
    const int width = plot_key_width(k);

    fprintf(out, "<svg class=\"key\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" aria-hidden=\"true\">",
            width, PLOT_KEY_TALL, width, PLOT_KEY_TALL);
    plot_draw_key(out, k);
    fputs("</svg>", out);
}

/* ---- the style sheet ---- */

/* Of series: eight whose smallest distance (Euclidean, Oklab) in pairs is largest both to usual sight and to
 * the three kinds of colour blindness as simulated by Machado, Oliveira & Fernandes 2009, with a contrast of
 * at least 3:1 to the ground; found by random search from the palette of Okabe & Ito 2008. */
static const struct {
    const char *light, *dark;
} COLOURS[] = {
    { "#184ec1", "#8da1fe" }, { "#d4791b", "#fd7e16" }, { "#618a81", "#20ebe7" }, { "#7f457c", "#9e6c8f" },
    { "#9e6637", "#f0d07a" }, { "#0b97e4", "#5678e1" }, { "#305443", "#c19b9a" }, { "#a40100", "#cb5826" },
};

/* Of what belongs to no series. */
static const struct {
    const char *name, *light, *dark;
} INKS[] = {
    { "ground", "#fff", "#14171b" },  { "ink", "#171a1e", "#e8ebee" },  { "soft", "#59616a", "#a2abb5" },
    { "rule", "#e7e9ec", "#292e35" }, { "axis", "#9098a1", "#69727c" }, { "lane", "#f2f4f6", "#1d2127" },
};

/* Markers and lines take the colour of text, which every renderer knows. */
static const char RULES[] =
    ".ink{color:var(--ink)}\n"
    ".plot text{font-size:12px;fill:var(--soft);font-variant-numeric:tabular-nums}\n"
    ".plot text.name{fill:var(--ink)}\n"
    ".plot text.end{font-size:11px;fill:var(--ink)}\n"
    ".plot text.tiny{font-size:10px}\n"
    ".grid{stroke:var(--rule);stroke-width:1;fill:none}\n"
    ".frame{stroke:var(--axis);stroke-width:1;fill:none}\n"
    ".level{stroke:var(--soft);stroke-width:1;stroke-dasharray:1 3;fill:none}\n"
    ".lane{fill:var(--lane)}\n"
    ".line{fill:none;stroke:currentColor;stroke-width:2;stroke-linejoin:round}\n"
    ".faint{stroke-width:1.2}\n"
    ".band{fill:currentColor;opacity:.16}\n"
    ".span{fill:none;stroke:currentColor;stroke-width:1.2}\n"
    ".bar{fill:none;stroke:currentColor;stroke-width:4;stroke-linecap:round;opacity:.55}\n"
    ".mark{fill:currentColor;stroke:var(--ground);stroke-width:1}\n"
    ".dot{fill:var(--ground);stroke:currentColor;stroke-width:1}\n"
    ".hollow{fill:none;stroke:currentColor;stroke-width:1.3}\n"
    ".cross{fill:none;stroke:currentColor;stroke-width:1.5}\n"
    ".ground{fill:var(--ground)}\n"
    ".title{fill:var(--ink);font-weight:600}\n"
    ".said{fill:var(--ink)}\n";

static void put_series_colours(FILE *out, bool dark)
{
    for (size_t i = 0; i < VIT_COUNT(COLOURS); i++)
        fprintf(out, ".k%zu{color:%s}", i, dark ? COLOURS[i].dark : COLOURS[i].light);
    fputc('\n', out);
}

static void put_inks(FILE *out, bool dark)
{
    fputs(":root{", out);
    for (size_t i = 0; i < VIT_COUNT(INKS); i++)
        fprintf(out, "--%s:%s;", INKS[i].name, dark ? INKS[i].dark : INKS[i].light);
    fputs("}\n", out);
}

/* The rules with every var(--NAME) replaced by the colour. */
static void put_rules(FILE *out, bool dark)
{
    const char *s = RULES;

    for (const char *at; (at = strstr(s, "var(--")); s = strchr(at, ')') + 1) {
        fwrite(s, 1, (size_t)(at - s), out);
        for (size_t i = 0; i < VIT_COUNT(INKS); i++) {
            const size_t length = strlen(INKS[i].name);
            if (strncmp(at + 6, INKS[i].name, length) == 0 && at[6 + length] == ')')
                fputs(dark ? INKS[i].dark : INKS[i].light, out);
        }
    }
    fputs(s, out);
}

void plot_styles(FILE *out)
{
    put_inks(out, false);
    fputs(RULES, out);
    put_series_colours(out, false);
    fputs("@media screen and (prefers-color-scheme:dark){", out);
    put_inks(out, true);
    put_series_colours(out, true);
    fputs("}\n", out);
}

void plot_styles_alone(FILE *out)
{
    put_rules(out, false);
    put_series_colours(out, false);
    fputs("@media screen and (prefers-color-scheme:dark){\n", out);
    put_rules(out, true);
    put_series_colours(out, true);
    fputs("}\n", out);
}
