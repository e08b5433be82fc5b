/* Whether the arms of a comparison were at the best rates that the page knows for them. */
#include <math.h>

#include "tools/markup.h"
#include "tools/out.h"
#include "tools/report_page.h"

/* The runs of an arm at one of its rates. */
struct place {
    const struct report_arm *arm; /* NULL: they are not known */
    const struct report_rate *rate;
};

/* ---- the runs that were compared ---- */

/* Whether a part of a file's path is the last part of a cell's name: logits/ID.safetensors, cells/ID/... */
static bool is_named(const char *file, const char *id)
{
    const char *slash = strrchr(id, '/'), *name = slash ? slash + 1 : id;
    const size_t length = strlen(name);

    for (const char *at = file; length && (at = strstr(at, name)); at++) {
        const char *end = at + length;
        if (at > file && at[-1] != '/') continue;
        if (!*end || *end == '/' || strcmp(end, ".safetensors") == 0) return true;
    }
    return false;
}

/* By its name, which runs of other folders may have too, and by what it gets right. */
static bool is_run(const struct report_cell *c, const json_t *run)
{
    const char *file = json_string_value(json_object_get(run, "file"));
    const json_t *top1 = json_object_get(run, "top1");

    return file && json_is_number(top1) && is_named(file, c->id) &&
           fabs(json_number_value(top1) - c->test_top1) < 1e-9;
}

static bool is_at(const struct report *r, const struct report_cell *c, const struct place *p)
{
    return report_is_of(r, c, p->arm) && report_same_rate(c->lr, p->rate->lr);
}

static bool has_run(const struct report *r, const struct place *p, const json_t *run)
{
    for (size_t i = 0; i < r->cell_count; i++)
        if (is_at(r, &r->cells[i], p) && is_run(&r->cells[i], run)) return true;
    return false;
}

static bool has_all(const struct report *r, const struct place *p, const json_t *runs)
{
    const json_t *run;
    size_t i;

    json_array_foreach(runs, i, run)
    {
        if (!has_run(r, p, run)) return false;
    }
    return json_array_size(runs) > 0;
}

/* Where all runs of a compared arm stand; nowhere, where that is not one place alone. */
static struct place find_place(const struct report *r, const json_t *runs)
{
    struct place found = { NULL, NULL };

    for (size_t i = 0; i < r->arm_count; i++)
        for (int k = 0; k < r->arms[i].rate_count; k++) {
            const struct place p = { &r->arms[i], &r->arms[i].rates[k] };
            if (!has_all(r, &p, runs)) continue;
            if (found.arm) return (struct place){ NULL, NULL };
            found = p;
        }
    return found;
}

/* ---- a better rate ---- */

/* Of the same match: all is equal but the rate, and the warm-up, which is chosen with it. */
static struct place find_best(const struct report *r, const struct place *p)
{
    const struct report_condition *c = &r->conditions[p->arm->condition];
    const struct report_arm *best = report_tally(r, c->match, (size_t)p->arm->norm).best;

    if (!best || !(best->rates[best->best].mean > p->rate->mean)) return *p;
    return (struct place){ best, &best->rates[best->best] };
}

static void put_test(FILE *out, const struct report *r, const struct place *p)
{
    double sum = 0;
    int n = 0;

    for (size_t i = 0; i < r->cell_count; i++) {
        const struct report_cell *c = &r->cells[i];
        if (!is_at(r, c, p) || c->end != REPORT_DONE || !isfinite(c->test_top1)) continue;
        sum += c->test_top1;
        n++;
    }
    if (n) markup_put(out, ", %.2f %% of the test pictures", 100 * sum / n);
}

static void put_reached(FILE *out, const struct report *r, const struct place *p)
{
    const int seeds = p->rate->ended[REPORT_DONE];
    char text[32];

    markup_put(out, "%s %% of the validation pictures", report_percent(text, sizeof text, p->rate->mean));
    put_test(out, r, p);
    markup_put(out, " (%d seed%s)", seeds, out_plural((uint64_t)seeds));
}

static void put_better(FILE *out, const struct report *r, const char *name, const struct place *was,
                       const struct place *best)
{
    const struct report_condition *before = &r->conditions[was->arm->condition],
                                  *after = &r->conditions[best->arm->condition];
    char lr[32];

    markup_put(out, "<li>%s was not compared at the best rate that is known for it here: at %s it reaches ",
               name, report_rate_text(lr, sizeof lr, was->rate->lr));
    put_reached(out, r, was);
    markup_put(out, ", at %s", report_rate_text(lr, sizeof lr, best->rate->lr));
    if (before != after) markup_put(out, " and with %s in place of %s", after->start, before->start);
    fputs(", all else being equal, ", out);
    put_reached(out, r, best);
    fputs(".</li>\n", out);
}

void report_put_better(FILE *out, const struct report *r, const json_t *comparison)
{
    const json_t *arm;
    size_t i;

    json_array_foreach(json_object_get(comparison, "arms"), i, arm)
    {
        const char *name = json_string_value(json_object_get(arm, "name"));
        const struct place was = find_place(r, json_object_get(arm, "runs"));
        const struct place best = was.arm ? find_best(r, &was) : was;
        if (best.rate != was.rate) put_better(out, r, name ? name : r->norms[was.arm->norm], &was, &best);
    }
}
