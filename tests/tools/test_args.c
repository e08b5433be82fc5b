/* The option parser on a verb of its own. */
#include "tests/support/test.h"
#include "tools/args.h"

struct options {
    bool quiet, verbose;
    int top;
    uint64_t seed;
    float rate;
    struct args_floats mean;
    const char *path, *mode;
};

static const char *mode_word(int i)
{
    static const char *const WORDS[] = { "center", "squash", NULL };
    return WORDS[i];
}

#define AT(field) offsetof(struct options, field)
static const struct args_option ROWS[] = {
    { .name = "quiet", .letter = 'q', .kind = ARGS_FLAG, .at = AT(quiet), .help = "say nothing" },
    { .name = "verbose", .letter = 'v', .kind = ARGS_FLAG, .at = AT(verbose), .help = "say more" },
    { .name = "topk",
      .letter = 'k',
      .kind = ARGS_INT,
      .at = AT(top),
      .low = 1,
      .high = 100,
      .initial = "5",
      .metavar = "K",
      .help = "how many" },
    { .name = "seed",
      .kind = ARGS_COUNT,
      .at = AT(seed),
      .low = 0,
      .high = 0x1p63,
      .metavar = "N",
      .help = "where random numbers start" },
};
static const struct args_option MORE[] = {
    { .name = "rate",
      .kind = ARGS_FLOAT,
      .at = AT(rate),
      .low = 0,
      .high = 1,
      .metavar = "F",
      .help = "a rate" },
    { .name = "mean",
      .kind = ARGS_FLOATS,
      .at = AT(mean),
      .count = 3,
      .low = -1,
      .high = 1,
      .metavar = "R,G,B",
      .help = "three numbers" },
    { .name = "path", .letter = 'o', .kind = ARGS_PATH, .at = AT(path), .metavar = "FILE", .help = "a file" },
    { .name = "mode",
      .kind = ARGS_CHOICE,
      .at = AT(mode),
      .choice = mode_word,
      .metavar = "MODE",
      .help = "a mode" },
};
static const struct args_group FIRST = { "Options", ROWS, VIT_COUNT(ROWS) };
static const struct args_group SECOND = { "More options", MORE, VIT_COUNT(MORE) };
static const struct args_group *const GROUPS[] = { &FIRST, &SECOND, NULL };
static const struct args_verb VERB = { .name = "try",
                                       .operands = "FILE...",
                                       .summary = "Try it",
                                       .groups = GROUPS,
                                       .bytes = sizeof(struct options) };
static const struct args_verb *const VERBS[] = { &VERB, NULL };

/* Beside it one that shares a group, and one of the same title that nobody else has. */
static const char *thing_word(int i)
{
    static const char *const WORDS[] = { "left", "right", "by:F", NULL };
    return WORDS[i];
}
static const struct args_option STEPS = { .kind = ARGS_INT, .low = 1, .high = 9 };
static const struct args_option TURNS[] = {
    { .name = "turn",
      .kind = ARGS_TEXT,
      .at = AT(mode),
      .choice = thing_word,
      .metavar = "WHERE",
      .help = "where to turn" },
    { .name = "steps",
      .kind = ARGS_TEXT,
      .at = AT(path),
      .typed = &STEPS,
      .metavar = "N",
      .help = "how far" },
};
static const struct args_group THIRD = { "More options", TURNS, VIT_COUNT(TURNS) };
static const struct args_group *const OTHERS[] = { &THIRD, &FIRST, NULL };
static const struct args_verb OTHER = { .name = "turn",
                                        .operands = "[left|right]",
                                        .operand = thing_word,
                                        .summary = "Turn",
                                        .groups = OTHERS,
                                        .bytes = sizeof(struct options) };
static const struct args_verb *const BOTH[] = { &VERB, &OTHER, NULL };

enum { MOST = 12 };
struct line {
    struct options o;
    int count; /* operands */
    char *words[MOST];
    struct vit_error err;
};

/* Parse words, which end with NULL. */
static enum vit_status parse(struct line *l, const char *const *words)
{
    memset(l, 0, sizeof *l);
    for (; words[l->count]; l->count++) l->words[l->count] = (char *)words[l->count];
    return args_parse(&VERB, &l->o, &l->count, l->words, &l->err);
}
#define PARSE(l, ...) parse(l, (const char *const[]){ __VA_ARGS__, NULL })

static void defaults_go_through_the_same_parser(void **state)
{
    struct line l;
    (void)state;

    assert_ok(PARSE(&l, "a"), &l.err);
    assert_int_equal(l.o.top, 5);
    assert_null(l.o.mode);
    assert_int_equal(l.o.mean.count, 0);
}

static void a_value_may_be_attached_or_follow(void **state)
{
    static const char *const FORMS[][3] = {
        { "--topk", "7" }, { "--topk=7" }, { "-k", "7" }, { "-k7" }, { "-qvk7" }, { "-qk", "7" },
    };
    (void)state;

    for (size_t i = 0; i < VIT_COUNT(FORMS); i++) {
        struct line l;
        assert_ok(PARSE(&l, FORMS[i][0], FORMS[i][1]), &l.err);
        assert_int_equal(l.o.top, 7);
        assert_int_equal(l.count, 0);
    }
}

static void clusters_set_every_flag(void **state)
{
    struct line l;
    (void)state;

    assert_ok(PARSE(&l, "-qv"), &l.err);
    assert_true(l.o.quiet && l.o.verbose);
}

static void operands_may_stand_anywhere(void **state)
{
    struct line l;
    (void)state;

    assert_ok(PARSE(&l, "a", "-q", "-", "--topk", "3", "b", "--", "-v", "--topk"), &l.err);
    assert_int_equal(l.count, 5);
    assert_string_equal(l.words[0], "a");
    assert_string_equal(l.words[1], "-");
    assert_string_equal(l.words[2], "b");
    assert_string_equal(l.words[3], "-v");
    assert_string_equal(l.words[4], "--topk");
    assert_false(l.o.verbose);
}

static void empty_operands_are_refused(void **state)
{
    struct line l;
    (void)state;

    assert_refused(PARSE(&l, "a", ""), VIT_ERR_ARG, "expected operands that name something, found \"\"",
                   &l.err);
    assert_refused(PARSE(&l, "--", ""), VIT_ERR_ARG, "found \"\"", &l.err);
}

static void every_kind_reads_its_value(void **state)
{
    struct line l;
    (void)state;

    assert_ok(PARSE(&l, "--seed=9223372036854775807", "--rate=2.5e-1", "--mean=-0.5,0,1", "--mode=squash",
                    "--path", "-x"),
              &l.err);
    assert_true(l.o.seed == INT64_MAX);
    assert_true(l.o.rate == 0.25f);
    assert_int_equal(l.o.mean.count, 3);
    assert_true(l.o.mean.value[0] == -0.5f && l.o.mean.value[1] == 0 && l.o.mean.value[2] == 1);
    assert_string_equal(l.o.mode, "squash");
    assert_string_equal(l.o.path, "-x"); /* what follows an option is its value, whatever it looks like */
}

/* Each line is refused with a sentence that has both parts. */
static void wrong_values_are_refused_by_name(void **state)
{
    static const struct {
        const char *word, *expected, *found;
    } CASES[] = {
        { "--topk=12x", "a whole number from 1 to 100", "\"12x\"" },
        { "-k0", "a whole number from 1 to 100", "\"0\"" },
        { "--topk=101", "--topk", "\"101\"" },
        { "--topk= 7", "--topk", "\" 7\"" },
        { "--topk=+7", "--topk", "\"+7\"" },
        { "--topk=-7", "--topk", "\"-7\"" },
        { "--topk=7.0", "--topk", "\"7.0\"" },
        { "--topk=99999999999999999999", "--topk", "99999999999999999999" },
        { "--topk=", "--topk", "\"\"" },
        { "--topk=0x10", "--topk", "\"0x10\"" },
        { "--seed=9223372036854775808", "0 or more and less than 2^63", "9223372036854775808" },
        { "--seed=18446744073709551616", "0 or more and less than 2^63", "18446744073709551616" },
        { "--rate=nan", "a number from 0 to 1", "\"nan\"" },
        { "--rate=inf", "--rate", "\"inf\"" },
        { "--rate=0x1p-1", "--rate", "\"0x1p-1\"" },
        { "--rate=0.5.5", "--rate", "\"0.5.5\"" },
        { "--rate=1.5", "--rate", "\"1.5\"" },
        { "--rate=1e-50", "a number from 0 to 1", "\"1e-50\", too close to 0" },
        { "--rate=1e-999", "--rate", "\"1e-999\", too close to 0" },
        { "--mean=1,1e-50,1", "3 numbers", "\"1,1e-50,1\"" },
        { "--mean=1,1", "3 numbers", "\"1,1\"" },
        { "--mean=1,1,1,1", "--mean", "\"1,1,1,1\"" },
        { "--mean=1,,1", "--mean", "\"1,,1\"" },
        { "--mean=1,1,2", "--mean", "\"1,1,2\"" },
        { "--mode=crop", "center or squash", "\"crop\"" },
        { "--quiet=yes", "takes no value", "\"yes\"" },
        { "--path=", "not empty", "\"\"" },
        { "--path", "FILE", "the end of the line" },
        { "-qk", "-k", "the end of the line" },
        { "-qz", "\"-z\"", "-qz" },
        { "--", "", "" },
    };
    (void)state;

    for (size_t i = 0; i + 1 < VIT_COUNT(CASES); i++) { /* the last is no mistake */
        struct line l;
        assert_refused(PARSE(&l, CASES[i].word), VIT_ERR_ARG, CASES[i].expected, &l.err);
        if (!strstr(l.err.text, CASES[i].found)) fail_msg("%s: %s", CASES[i].word, l.err.text);
    }
}

static void unknown_options_suggest_the_nearest(void **state)
{
    static const struct {
        const char *word, *near; /* NULL: no suggestion */
    } CASES[] = {
        { "--topl", "--topk" },  { "--top", "--topk" },    { "--tokp=3", "--topk" },
        { "--sede", "--seed" },  { "--quite", "--quiet" }, { "--quietly", "--quiet" },
        { "--xylophone", NULL }, { "--", NULL },
    };
    (void)state;

    for (size_t i = 0; i + 1 < VIT_COUNT(CASES); i++) {
        struct line l;
        char question[64]; /* the sentence repeats the word, which may have the nearest in it */
        assert_refused(PARSE(&l, CASES[i].word), VIT_ERR_ARG, "unknown option", &l.err);
        snprintf(question, sizeof question, "; did you mean %s?", CASES[i].near ? CASES[i].near : "");
        if (CASES[i].near && !strstr(l.err.text, question)) fail_msg("%s: %s", CASES[i].word, l.err.text);
        if (!CASES[i].near) assert_null(strstr(l.err.text, "did you mean"));
    }
}

static const char *word_of(const void *list, int i)
{
    return ((const char *const *)list)[i];
}

/* What they mean here is suggested where the list has it, and the first of several that it has. */
static void names_of_other_programs_are_known(void **state)
{
    static const char
        *const TRAIN[] = { "image", "lr", "label-smoothing", "weight-decay", "checkpoint-every", NULL },
               *const INFER[] = { "model", "size", NULL }, *const VERBS_[] = { "eval", "bench", NULL };
    static const struct {
        const char *const *list;
        const char *word, *near; /* NULL: no suggestion */
    } CASES[] = {
        { TRAIN, "learning-rate", "lr" }, { TRAIN, "wd", "weight-decay" },
        { TRAIN, "img-size", "image" },   { INFER, "img-size", "size" },
        { INFER, "checkpoint", "model" }, { TRAIN, "checkpoint", "checkpoint-every" },
        { INFER, "learning-rate", NULL }, { VERBS_, "test", "eval" },
        { VERBS_, "predict", NULL },
    };
    (void)state;

    for (size_t i = 0; i < VIT_COUNT(CASES); i++) {
        const char *near = args_nearest(CASES[i].word, word_of, CASES[i].list);
        if (!near != !CASES[i].near || (near && strcmp(near, CASES[i].near) != 0))
            fail_msg("%s: expected %s, found %s", CASES[i].word, CASES[i].near ? CASES[i].near : "nothing",
                     near ? near : "nothing");
    }
}

static void an_endless_option_is_refused(void **state)
{
    char word[100000];
    struct line l;
    (void)state;

    memset(word, 'a', sizeof word);
    memcpy(word, "--", 2);
    word[sizeof word - 1] = '\0';
    assert_refused(PARSE(&l, word), VIT_ERR_ARG, "unknown option", &l.err);
}

/* What a printer wrote; the caller frees. */
static char *printed_of(void (*print)(FILE *, const char *, const struct args_verb *const *),
                        const struct args_verb *const *verbs)
{
    static char *text;
    static size_t size;
    FILE *f = open_memstream(&text, &size);

    assert_non_null(f);
    print(f, "vit", verbs);
    fclose(f);
    return text;
}

static char *printed(void (*print)(FILE *, const char *, const struct args_verb *const *))
{
    return printed_of(print, VERBS);
}

static void help_of_verb(FILE *out, const char *program, const struct args_verb *const *verbs)
{
    args_help(out, program, verbs[0]);
}

static void every_printer_names_every_option(void **state)
{
    static const struct {
        const char *name;
        void (*print)(FILE *, const char *, const struct args_verb *const *);
        const char *before; /* an option's name: help texts have these names too */
    } PRINTERS[] = {
        { "help", help_of_verb, "--" }, { "manual", args_manual, "\\-\\-" }, { "bash", args_bash, "--" },
        { "zsh", args_zsh, "--" },      { "fish", args_fish, " -l " },
    };
    (void)state;

    for (size_t p = 0; p < VIT_COUNT(PRINTERS); p++) {
        char *text = printed(PRINTERS[p].print), form[64];
        const struct args_option *o;

        for (int i = 0; (o = args_option_at(&VERB, i)); i++) {
            snprintf(form, sizeof form, "%s%s", PRINTERS[p].before, o->name);
            if (!strstr(text, form)) fail_msg("%s: no \"%s\" in it", PRINTERS[p].name, form);
        }
        free(text);
    }
}

static void help_fits_the_screen_and_shows_defaults(void **state)
{
    char *text = printed(help_of_verb);
    (void)state;

    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        if (strlen(line) > 90) fail_msg("too wide: %s", line);
    free(text);
    text = printed(help_of_verb);
    assert_non_null(strstr(text, "(default: 5)"));
    assert_non_null(strstr(text, "center or squash"));
    free(text);
}

static int count_of(const char *text, const char *part)
{
    int count = 0;

    while ((text = strstr(text, part))) count++, text += strlen(part);
    return count;
}

static void the_manual_says_which_verbs_share_options(void **state)
{
    char *text = printed_of(args_manual, BOTH);
    const char *others = strstr(text, ".SH SHARED OPTIONS");
    (void)state;

    assert_non_null(others);
    assert_non_null(strstr(others, ".SS Options\nOf try and turn.\n"));
    assert_int_equal(count_of(text, "\\-\\-topk"), 1); /* once for both */
    assert_int_equal(count_of(text, "Shared options: Options.\n"), 2);
    assert_null(strstr(others, "\\-\\-rate")); /* of one verb alone: with it */
    assert_null(strstr(others, "\\-\\-turn"));
    free(text);
}

/* Of numbers of every kind, and of those that a verb takes as texts and reads as another row says. */
static void the_manual_says_which_numbers_are_taken(void **state)
{
    static const char *const PARTS[] = {
        "how many; a whole number from 1 to 100 (default: 5).\n",
        "where random numbers start; a whole number, 0 or more and less than 2^63.\n",
        "a rate; a number from 0 to 1.\n",
        "three numbers; 3 numbers separated by commas, each from \\-1 to 1.\n",
        "a file.\n",
        "how far; a whole number from 1 to 9.\n",
    };
    char *text = printed_of(args_manual, BOTH);
    (void)state;

    for (size_t i = 0; i < VIT_COUNT(PARTS); i++)
        if (!strstr(text, PARTS[i])) fail_msg("no \"%s\" in %s", PARTS[i], text);
    free(text);
}

static void the_manual_lists_words_as_the_help_does(void **state)
{
    char *text = printed_of(args_manual, BOTH);
    (void)state;

    assert_non_null(strstr(text, "a mode; center or squash"));
    assert_non_null(strstr(text, "where to turn; left, right or by:F"));
    free(text);
}

/* bash: the words of operands, but files after an option that takes any value. */
static void operands_are_completed(void **state)
{
    char *bash = printed_of(args_bash, BOTH), *zsh = printed_of(args_zsh, BOTH);
    char *fish = printed_of(args_fish, BOTH);
    (void)state;

    assert_non_null(strstr(bash, "    turn) words='left right by:F' ;;"));
    assert_non_null(strstr(bash, "    'turn --topk' | 'turn -k') return ;;"));
    assert_null(strstr(bash, "'try --topk'"));
    assert_non_null(strstr(zsh, "'*:word:(left right by\\:F)' ;;"));
    assert_non_null(strstr(zsh, "'*:file:_files' ;;"));
    assert_non_null(strstr(zsh, "[where to turn]:WHERE:(left right by\\:F)'"));
    assert_non_null(strstr(fish, "from turn' -a 'left right by:F'"));
    free(bash);
    free(zsh);
    free(fish);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_go_through_the_same_parser),
        cmocka_unit_test(a_value_may_be_attached_or_follow),
        cmocka_unit_test(clusters_set_every_flag),
        cmocka_unit_test(operands_may_stand_anywhere),
        cmocka_unit_test(empty_operands_are_refused),
        cmocka_unit_test(every_kind_reads_its_value),
        cmocka_unit_test(wrong_values_are_refused_by_name),
        cmocka_unit_test(unknown_options_suggest_the_nearest),
        cmocka_unit_test(names_of_other_programs_are_known),
        cmocka_unit_test(an_endless_option_is_refused),
        cmocka_unit_test(every_printer_names_every_option),
        cmocka_unit_test(help_fits_the_screen_and_shows_defaults),
        cmocka_unit_test(the_manual_says_which_verbs_share_options),
        cmocka_unit_test(the_manual_says_which_numbers_are_taken),
        cmocka_unit_test(the_manual_lists_words_as_the_help_does),
        cmocka_unit_test(operands_are_completed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
