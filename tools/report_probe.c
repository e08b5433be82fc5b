/* The commands that make the rows of probe again: as few as make them and no others. A command measures every
 * combination of its lists, so that rows which are none, as those of two commands in one file may be, take
 * several. */
#include <stdlib.h>
#include <string.h>

#include "tools/markup.h"
#include "tools/memory.h"
#include "tools/probe.h"
#include "tools/report_page.h"
#include "vit/json.h"

/* What an option may say in one command. */
enum kind {
    LIST,
    SOME,  /* a list that not all networks of a command have a value of */
    COUNT, /* of whole numbers that follow each other */
    ONE,   /* this and what follows: the same for all networks */
    FLAG,
    DATA, /* a path, or noise, which is another option */
};
enum { NEW = 1, MODEL = 2, BOTH = NEW | MODEL }; /* networks that an option is for */

static const struct probed {
    const char *key, *option;
    enum kind kind;
    int of;
    bool zero;         /* is a value; else it says that there is none */
    const char *usual; /* what need not be said; NULL: nothing */
} PROBED[] = {
    { "model", "model", ONE, MODEL, false, NULL },
    { "preset", "preset", LIST, NEW, false, NULL },
    { "norm", "norm", LIST, BOTH, false, NULL },
    { "init", "init", LIST, NEW, false, NULL },
    { "depth", "depth", LIST, NEW, false, NULL },
    { "image", "image", LIST, NEW, false, NULL },
    { "image", "size", ONE, MODEL, false, NULL },
    { "stem", "stem", LIST, NEW, false, NULL },
    { "patch", "patch", SOME, NEW, false, NULL }, /* 0: convolutions */
    { "width", "width", LIST, NEW, false, NULL },
    { "heads", "heads", LIST, NEW, false, NULL },
    { "hidden", "hidden", LIST, NEW, false, NULL },
    { "pool", "pool", LIST, NEW, false, NULL },
    { "norm_kind", "norm-kind", LIST, NEW, false, NULL },
    { "out_gain", "out-gain", LIST, NEW, true, NULL },
    { "position_std", "position-std", LIST, NEW, true, NULL },
    { "layer_scale", "layer-scale", LIST, NEW, false, NULL }, /* 0: by depth */
    { "lr", "lr", ONE, BOTH, true, NULL },
    { "steps", "steps", ONE, BOTH, false, NULL },
    { "pictures", "limit", ONE, BOTH, false, NULL },
    { "split", "split", ONE, BOTH, false, NULL },
    { "final_norm", "final-norm", LIST, NEW, false, NULL },
    { "final_norm", "final-norm", ONE, MODEL, false, NULL },
    { "embed_norm", "embed-norm", FLAG, NEW, false, NULL },
    { "qk_norm", "qk-norm", FLAG, NEW, false, NULL },
    { "zero_head", "zero-head", FLAG, NEW, false, NULL },
    { "batch", "batch", ONE, BOTH, false, PROBE_BATCH },
    { "dtype", "dtype", ONE, BOTH, false, "f32" },
    { "kernels", "kernels", ONE, BOTH, false, NULL },
    { "seed", "seeds", COUNT, NEW, true, NULL },
    { "seed", "seed", ONE, MODEL, false, NULL }, /* of noise */
    { "data", "data", DATA, BOTH, false, NULL },
};

/* Networks of one command so far. */
struct command {
    json_t *values[VIT_COUNT(PROBED)]; /* texts in the order of the rows, each once; "": without a value */
    json_t *places[VIT_COUNT(PROBED)]; /* of these texts */
    json_t *networks;                  /* by the places of their values */
    bool own_final;                    /* all end in a norm where their placement wants one */
    bool single, in_turn;              /* no network comes twice, and whole numbers follow each other */
};

/* ---- what a row says ---- */

/* A model of other classes cannot be given the samples, which it sees where nobody names a data set. */
static bool goes_without_saying(const struct probed *p, const json_t *line, const char *text)
{
    return (p->usual && strcmp(p->usual, text) == 0) ||
           (p->kind == DATA && json_is_true(json_object_get(line, "labels_in_turn")));
}

/* "": nothing. text: room for a number. */
static const char *text_of(char text[32], const struct report_block *b, const struct probed *p)
{
    const json_t *v = json_object_get(b->line, p->key);
    const char *said = report_option_text(text, v);

    if (!(p->of & (*b->model ? MODEL : NEW)) || !said) return "";
    if (!p->zero && json_is_number(v) && json_number_value(v) == 0) return "";
    return goes_without_saying(p, b->line, said) ? "" : said;
}

static bool has_own_final(const struct report_block *b)
{
    const json_t *final = json_object_get(b->line, "final_norm");
    struct vit_norm_config norm;

    if (!json_is_boolean(final) || vit_placement_parse(&norm, b->norm, NULL)) return true;
    return json_is_true(final) == vit_placement_final(norm.placement);
}

/* Whether b is one more row of the network of a, the row before it. */
static bool same_network(const struct report_block *a, const struct report_block *b)
{
    char left[32], right[32];

    if (a->file != b->file || b->block <= a->block || a->depth != b->depth) return false;
    for (size_t i = 0; i < VIT_COUNT(PROBED); i++)
        if (strcmp(text_of(left, a, &PROBED[i]), text_of(right, b, &PROBED[i])) != 0) return false;
    return true;
}

/* ---- a command ---- */

/* Whether text is the whole number after the last of values. */
static bool is_next(const json_t *values, const char *text)
{
    const size_t count = json_array_size(values);

    return !count ||
           strtod(text, NULL) == strtod(json_string_value(json_array_get(values, count - 1)), NULL) + 1;
}

/* The place of text among the values of option i. */
static size_t place_value(struct command *c, size_t i, const char *text)
{
    const json_t *place = json_object_get(c->places[i], text);
    const size_t count = json_array_size(c->values[i]);

    if (place) return (size_t)json_integer_value(place);
    if (PROBED[i].kind == COUNT) c->in_turn &= is_next(c->values[i], text);
    vit_json_append(&c->values[i], json_string(text));
    vit_json_put(&c->places[i], text, json_integer((json_int_t)count));
    if (!c->values[i] || !c->places[i]) memory_lost();
    return count;
}

static bool is_final_of_new(size_t i)
{
    return PROBED[i].kind == LIST && strcmp(PROBED[i].key, "final_norm") == 0;
}

/* A network is known by the places of its values: the first where one need not be said, as the command takes
 * that one, and 0 for the norm at the end that its placement has of itself. */
static void add_network(struct command *c, const struct report_block *b)
{
    const bool own_final = has_own_final(b);
    char name[VIT_COUNT(PROBED) * sizeof "18446744073709551615"], text[32];
    size_t used = 0;

    for (size_t i = 0; i < VIT_COUNT(PROBED); i++) {
        const char *said = text_of(text, b, &PROBED[i]);
        size_t place = PROBED[i].kind == SOME && !*said ? 0 : place_value(c, i, said);
        if (is_final_of_new(i)) place = own_final ? 0 : place + 1;
        used += (size_t)snprintf(name + used, sizeof name - used, "%zu ", place);
    }
    c->own_final &= own_final;
    c->single &= !json_object_get(c->networks, name);
    vit_json_put(&c->networks, name, json_true());
    if (!c->networks) memory_lost();
}

static struct command open_command(void)
{
    struct command c = { .networks = json_object(), .own_final = true, .single = true, .in_turn = true };

    for (size_t i = 0; i < VIT_COUNT(PROBED); i++) c.values[i] = json_array(), c.places[i] = json_object();
    return c;
}

static void close_command(struct command *c)
{
    for (size_t i = 0; i < VIT_COUNT(PROBED); i++) json_decref(c->values[i]), json_decref(c->places[i]);
    json_decref(c->networks);
}

/* The norm at the end is none where each network has that of its placement. */
static bool is_option(const struct command *c, size_t i)
{
    return !c->own_final || !is_final_of_new(i);
}

/* Of an option, which are combined with those of the others. */
static size_t count_values(const struct command *c, size_t i)
{
    const size_t count = json_array_size(c->values[i]);

    return count && is_option(c, i) ? count : 1;
}

/* Networks that the command makes; 0: there is none, nor will there be of more networks. */
static size_t count_networks(const struct command *c, size_t most)
{
    size_t product = 1;

    if (!c->single || !c->in_turn) return 0;
    for (size_t i = 0; i < VIT_COUNT(PROBED); i++) {
        const size_t count = count_values(c, i);
        if (count > 1 && PROBED[i].kind >= ONE) return 0;
        if (count > 1 && json_object_get(c->places[i], "")) return 0;
        product *= count;
        if (product > most) return 0;
    }
    return product;
}

/* How many of these networks, from the first on, are those of one command: as many as can be. */
static size_t measure_command(const struct report_block *const *networks, size_t count)
{
    struct command c = open_command();
    size_t whole = 1;

    for (size_t i = 0; i < count && networks[i]->file == networks[0]->file; i++) {
        size_t product;
        add_network(&c, networks[i]);
        product = count_networks(&c, count);
        if (!product) break;
        if (product == i + 1) whole = i + 1;
    }
    close_command(&c);
    return whole;
}

/* ---- printing ---- */

/* --seed FIRST --seeds N */
static void put_seeds(FILE *out, const json_t *values)
{
    const char *first = json_string_value(json_array_get(values, 0));

    if (strcmp(first, "0") != 0) report_put_option(out, "seed", first);
    markup_put(out, " \\\n    --seeds %zu", json_array_size(values));
}

static void put_values(FILE *out, const struct probed *p, const json_t *values)
{
    const char *first = json_string_value(json_array_get(values, 0));

    if (!first || !*first) return;
    if (p->kind == COUNT)
        put_seeds(out, values);
    else if (p->kind == DATA && strcmp(first, "noise") == 0)
        report_put_option(out, "noise", NULL);
    else if (p->kind != FLAG)
        report_put_list(out, p->option, values);
    else if (strcmp(first, "on") == 0)
        report_put_option(out, p->option, NULL);
}

/* More: the file has rows of the command before. */
static void put_command(FILE *out, const struct report_block *const *networks, size_t count, bool more)
{
    struct command c = open_command();

    for (size_t i = 0; i < count; i++) add_network(&c, networks[i]);
    fputs("vit probe", out);
    for (size_t i = 0; i < VIT_COUNT(PROBED); i++)
        if (is_option(&c, i)) put_values(out, &PROBED[i], c.values[i]);
    fputs(more ? " --json &gt;&gt; " : " --json &gt; ", out);
    markup_word(out, networks[0]->file);
    fputs("\n\n", out);
    close_command(&c);
}

void report_put_probes(FILE *out, const struct report *r)
{
    const struct report_block **networks = calloc(r->block_count + 1, sizeof *networks);
    size_t count = 0;

    if (!networks) memory_lost();
    for (size_t i = 0; i < r->block_count && networks; i++)
        if (!i || !same_network(&r->blocks[i - 1], &r->blocks[i])) networks[count++] = &r->blocks[i];
    for (size_t at = 0, next; at < count; at = next) {
        next = at + measure_command(networks + at, count - at);
        put_command(out, networks + at, next - at, at && networks[at - 1]->file == networks[at]->file);
    }
    free(networks);
}
