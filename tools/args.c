#include "tools/args.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct args_option *args_option_at(const struct args_verb *v, int i)
{
    size_t left = (size_t)i;

    for (const struct args_group *const *g = v->groups; *g; g++) {
        if (left < (*g)->count) return &(*g)->options[left];
        left -= (*g)->count;
    }
    return NULL;
}

/* ---- the nearest name ---- */

enum { LONGEST = 40 };

/* Optimal string alignment: insert, delete, replace, swap neighbours. Both shorter than LONGEST. */
static int distance(const char *a, const char *b)
{
    int cost[LONGEST + 1][LONGEST + 1];
    int rows = (int)strlen(a), cols = (int)strlen(b);

    for (int i = 0; i <= rows; i++) cost[i][0] = i;
    for (int j = 0; j <= cols; j++) cost[0][j] = j;
    for (int i = 1; i <= rows; i++) {
        for (int j = 1; j <= cols; j++) {
            int best = cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (cost[i - 1][j] + 1 < best) best = cost[i - 1][j] + 1;
            if (cost[i][j - 1] + 1 < best) best = cost[i][j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                cost[i - 2][j - 2] + 1 < best)
                best = cost[i - 2][j - 2] + 1;
            cost[i][j] = best;
        }
    }
    return cost[rows][cols];
}

/* How others call things. A name may stand here twice: the first that the list has is meant. */
static const struct {
    const char *theirs, *ours;
} SYNONYMS[] = {
    { "aa", "augment" },
    { "batch-size", "batch" },
    { "checkpoint", "model" },
    { "data-dir", "data" },
    { "img-size", "image" },
    { "img-size", "size" },
    { "input-size", "image" },
    { "input-size", "size" },
    { "learning-rate", "lr" },
    { "min-lr", "lr-end" },
    { "num-classes", "classes" },
    { "opt", "optimizer" },
    { "output-dir", "out" },
    { "pretrained", "from" },
    { "reprob", "erase" },
    { "resume-from", "resume" },
    { "smoothing", "label-smoothing" },
    { "wd", "weight-decay" },
    { "workers", "threads" },
    /* verbs */
    { "benchmark", "bench" },
    { "export", "convert" },
    { "infer", "classify" },
    { "predict", "classify" },
    { "quantize", "convert" },
    { "run", "classify" },
    { "test", "eval" },
    { "validate", "eval" },
};

static const char *synonym(const char *word, const char *(*name)(const void *list, int i), const void *list)
{
    const char *candidate;

    for (size_t k = 0; k < VIT_COUNT(SYNONYMS); k++) {
        if (strcmp(SYNONYMS[k].theirs, word) != 0) continue;
        for (int i = 0; (candidate = name(list, i)); i++)
            if (strcmp(candidate, SYNONYMS[k].ours) == 0) return candidate;
    }
    return NULL;
}

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

const char *args_nearest(const char *word, const char *(*name)(const void *list, int i), const void *list)
{
    const char *best = synonym(word, name, list), *candidate;
    int least = (int)strlen(word) / 3 + 1; /* a third of the letters may be wrong */

    if (best || !*word || strlen(word) >= LONGEST) return best;
    for (int i = 0; (candidate = name(list, i)); i++) {
        if (strlen(candidate) >= LONGEST) continue;
        int d = distance(word, candidate);
        if (starts_with(candidate, word) || starts_with(word, candidate)) d = d < 1 ? d : 1;
        if (d <= least && (!best || d < least)) best = candidate, least = d;
    }
    return best;
}

static const char *option_name(const void *list, int i)
{
    const struct args_option *o = args_option_at(list, i);

    return o ? o->name : NULL;
}

/* ---- values ---- */

/* A number that a float would make 0, which is another setting: no limit, never, all. */
static bool vanishes(const char *text)
{
    double value;

    errno = 0;
    value = strtod(text, NULL);
    return (float)value == 0 && (value != 0 || errno == ERANGE);
}

static enum vit_status refuse(const char *shown, const struct args_option *o, const char *text,
                              struct vit_error *err)
{
    const bool small = text && o->kind == ARGS_FLOAT && vanishes(text);
    char accepts[512];

    args_accepts(o, accepts, sizeof accepts);
    return vit_fail(err, VIT_ERR_ARG, "%s: expected %s, found \"%s\"%s", shown, accepts, text,
                    small ? ", too close to 0 to be told from it" : "");
}

/* Less than 2^63, as JSON's are: a double has no number just below it that high could be. */
static bool parse_whole(const char *text, double low, double high, uint64_t *out)
{
    char *end;

    if (text[0] < '0' || text[0] > '9') return false; /* strtoull would take blanks and a minus */
    errno = 0;
    *out = strtoull(text, &end, 10);
    return !errno && !*end && *out <= INT64_MAX && (double)*out >= low && (double)*out <= high;
}

enum vit_status args_whole(const char *where, const char *text, double low, double high, uint64_t *out,
                           struct vit_error *err)
{
    const struct args_option o = { .kind = ARGS_COUNT, .low = low, .high = high };

    return parse_whole(text, low, high, out) ? VIT_OK : refuse(where, &o, text, err);
}

enum vit_status args_whole_part(const char *where, const char *text, size_t length, double low, double high,
                                uint64_t *out, struct vit_error *err)
{
    char word[32];

    /* What is cut must not pass for what is left of it: dots are in no number. */
    if (snprintf(word, sizeof word, "%.*s", (int)length, text) >= (int)sizeof word)
        memcpy(word + sizeof word - 4, "...", 4);
    return args_whole(where, word, low, high, out, err);
}

/* A decimal number that ends at end's character; no blanks, no hexadecimal, no inf, no nan. */
static bool parse_float(const char *text, double low, double high, float *out, const char **end)
{
    size_t length = strspn(text, "0123456789+-.eE");
    char *stop;
    double value = strtod(text, &stop);

    if (!length || stop != text + length || !isfinite(value) || value < low || value > high || vanishes(text))
        return false;
    *out = (float)value;
    *end = stop;
    return true;
}

static bool store_flag(const struct args_option *o, const char *text, void *target)
{
    (void)o, (void)text;
    *(bool *)target = true;
    return true;
}

static bool store_int(const struct args_option *o, const char *text, void *target)
{
    uint64_t value;

    if (!parse_whole(text, o->low, o->high, &value)) return false;
    *(int *)target = (int)value;
    return true;
}

static bool store_count(const struct args_option *o, const char *text, void *target)
{
    return parse_whole(text, o->low, o->high, target);
}

static bool store_float(const struct args_option *o, const char *text, void *target)
{
    const char *end;

    return parse_float(text, o->low, o->high, target, &end) && !*end;
}

static bool store_floats(const struct args_option *o, const char *text, void *target)
{
    struct args_floats *f = target;

    for (int i = 0; i < o->count; i++) {
        if (!parse_float(text, o->low, o->high, &f->value[i], &text)) return false;
        if (*text != (i + 1 < o->count ? ',' : '\0')) return false;
        text++;
    }
    f->count = o->count;
    return true;
}

static bool store_text(const struct args_option *o, const char *text, void *target)
{
    (void)o;
    *(const char **)target = text;
    return *text != '\0';
}

static bool store_choice(const struct args_option *o, const char *text, void *target)
{
    const char *word;

    for (int i = 0; (word = o->choice(i)); i++) {
        if (strcmp(word, text) != 0) continue;
        *(const char **)target = word;
        return true;
    }
    return false;
}

static enum vit_status store(const struct args_option *o, const char *shown, const char *text, void *options,
                             struct vit_error *err)
{
    static bool (*const STORE[])(const struct args_option *, const char *, void *) = {
        [ARGS_FLAG] = store_flag,     [ARGS_INT] = store_int,       [ARGS_COUNT] = store_count,
        [ARGS_FLOAT] = store_float,   [ARGS_FLOATS] = store_floats, [ARGS_TEXT] = store_text,
        [ARGS_CHOICE] = store_choice, [ARGS_PATH] = store_text,
    };
    _Static_assert(VIT_COUNT(STORE) == ARGS_KINDS, "a kind of option is not stored");

    return STORE[o->kind](o, text, (char *)options + o->at) ? VIT_OK : refuse(shown, o, text, err);
}

/* ---- the command line ---- */

struct words {
    const struct args_verb *verb;
    void *options;
    char **word;
    int count, next;
};

static const struct args_option *find_name(const struct args_verb *v, const char *name, size_t length)
{
    const struct args_option *o;

    for (int i = 0; (o = args_option_at(v, i)); i++)
        if (strlen(o->name) == length && strncmp(o->name, name, length) == 0) return o;
    return NULL;
}

static const struct args_option *find_letter(const struct args_verb *v, char letter)
{
    const struct args_option *o;

    for (int i = 0; (o = args_option_at(v, i)); i++)
        if (o->letter == letter) return o;
    return NULL;
}

static enum vit_status unknown(const struct args_verb *v, const char *word, struct vit_error *err)
{
    char name[LONGEST];
    const char *near;

    snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="), word + 2);
    near = args_nearest(name, option_name, v);
    if (near) return vit_fail(err, VIT_ERR_ARG, "unknown option \"--%s\"; did you mean --%s?", name, near);
    return vit_fail(err, VIT_ERR_ARG, "unknown option \"%s\"; vit %s --help lists the options", word,
                    v->name);
}

/* The value of an option that takes one: attached, or the next word. */
static enum vit_status take_value(struct words *w, const struct args_option *o, const char *shown,
                                  const char *attached, struct vit_error *err)
{
    if (!attached && w->next == w->count)
        return vit_fail(err, VIT_ERR_ARG, "%s: expected %s after it, found the end of the line", shown,
                        o->metavar);
    return store(o, shown, attached ? attached : w->word[w->next++], w->options, err);
}

static enum vit_status parse_long(struct words *w, const char *word, struct vit_error *err)
{
    size_t length = strcspn(word + 2, "=");
    const char *value = word[2 + length] ? word + 3 + length : NULL;
    const struct args_option *o = find_name(w->verb, word + 2, length);
    char shown[LONGEST + 2];

    if (!o) return unknown(w->verb, word, err);
    snprintf(shown, sizeof shown, "--%s", o->name);
    if (o->kind != ARGS_FLAG) return take_value(w, o, shown, value, err);
    if (value) return vit_fail(err, VIT_ERR_ARG, "%s: takes no value, found \"%s\"", shown, value);
    return store(o, shown, NULL, w->options, err);
}

static enum vit_status parse_cluster(struct words *w, const char *word, struct vit_error *err)
{
    for (const char *p = word + 1; *p; p++) {
        const struct args_option *o = find_letter(w->verb, *p);
        const char shown[] = { '-', *p, '\0' };
        enum vit_status status;

        if (!o)
            return vit_fail(err, VIT_ERR_ARG, "unknown option \"%s\"%s%s; vit %s --help lists the options",
                            shown, p[1] || p > word + 1 ? " in " : "", p[1] || p > word + 1 ? word : "",
                            w->verb->name);
        if (o->kind != ARGS_FLAG) return take_value(w, o, shown, p[1] ? p + 1 : NULL, err);
        if ((status = store(o, shown, NULL, w->options, err))) return status;
    }
    return VIT_OK;
}

static enum vit_status set_initial(const struct args_verb *v, void *options, struct vit_error *err)
{
    const struct args_option *o;
    enum vit_status status;

    for (int i = 0; (o = args_option_at(v, i)); i++)
        if (o->initial && (status = store(o, o->name, o->initial, options, err))) return status;
    return VIT_OK;
}

enum vit_status args_parse(const struct args_verb *v, void *options, int *count, char **words,
                           struct vit_error *err)
{
    struct words w = { .verb = v, .options = options, .word = words, .count = *count };
    enum vit_status status = set_initial(v, options, err);
    bool ended = false;

    *count = 0;
    while (!status && w.next < w.count) {
        char *word = words[w.next++];
        if (!*word)
            status = vit_fail(err, VIT_ERR_ARG, "expected operands that name something, found \"\"");
        else if (ended || word[0] != '-' || !word[1])
            words[(*count)++] = word;
        else if (strcmp(word, "--") == 0)
            ended = true;
        else if (word[1] == '-')
            status = parse_long(&w, word, err);
        else
            status = parse_cluster(&w, word, err);
    }
    return status;
}
