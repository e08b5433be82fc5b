/* The sentence of an error: whatever names from files hold, it is text that a terminal may be sent. And sizes
 * that no memory has. */
#include "tests/support/test.h"
#include "vit/arena.h"

/* What "a name" becomes in a sentence. */
static const char *said(struct vit_error *err, const char *name)
{
    assert_int_equal(vit_fail(err, VIT_ERR_FORMAT, "\"%s\" is odd", name), VIT_ERR_FORMAT);
    assert_int_equal(err->status, VIT_ERR_FORMAT);
    return err->text;
}

/* A character of every length, the first and the last of each, and both sides of the surrogates. */
static void names_in_any_script_stay_readable(void **state)
{
    static const char *const NAMES[] = { "cat.png",
                                         " ~",
                                         "Br\xc3\xb8nsh\xc3\xb8j",        /* U+00F8 */
                                         "\xe7\x8c\xab/\xe7\x8a\xac.png", /* U+732B, U+72AC */
                                         "\xf0\x9f\x90\x88",              /* U+1F408 */
                                         "\xc2\xa0\xdf\xbf",              /* U+00A0, U+07FF */
                                         "\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", /* to U+FFFF */
                                         "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf" };               /* to U+10FFFF */
    struct vit_error err;
    char want[64];

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(NAMES); i++) {
        snprintf(want, sizeof want, "\"%s\" is odd", NAMES[i]);
        assert_string_equal(said(&err, NAMES[i]), want);
    }
}

static void a_control_character_is_a_question_mark(void **state)
{
    struct vit_error err;

    (void)state;
    for (int c = 1; c < 0xa0; c++) {
        char name[8];
        if (c == 0x20) c = 0x7f;
        snprintf(name, sizeof name, c < 0x80 ? "a%cb" : "a\xc2%cb", c);
        assert_string_equal(said(&err, name), "\"a?b\" is odd");
    }
}

/* Unicode 15, table 3-7: what no character is made of. A terminal that takes bytes for Latin-1 obeys 0x9b. */
static void what_is_no_utf_8_is_a_question_mark_a_byte(void **state)
{
    static const char *const PARTS[][2] = {
        { "\x9b"
          "2J",
          "?2J" },                      /* no first byte */
        { "\xc3", "?" },                /* no second */
        { "\xc3(", "?(" },              /* no second */
        { "\xe7\x8c", "??" },           /* no third */
        { "\xf0\x9f\x90", "???" },      /* no fourth */
        { "\xc0\x9b\xc1\xbf", "????" }, /* two bytes for one */
        { "\xe0\x82\x9b", "???" },      /* three for two: U+009B */
        { "\xf0\x8f\xbf\xbf", "????" }, /* four for three */
        { "\xed\xa0\x80", "???" },      /* a surrogate */
        { "\xf4\x90\x80\x80", "????" }, /* beyond U+10FFFF */
        { "\xf5\x80\xff\xfe", "????" }, /* never used */
        { "\xe7\x8c\xab\x9b", "\xe7\x8c\xab?" },
    };
    struct vit_error err;
    char want[32];

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(PARTS); i++) {
        snprintf(want, sizeof want, "\"%s\" is odd", PARTS[i][1]);
        assert_string_equal(said(&err, PARTS[i][0]), want);
    }
}

/* At every offset against the gap, in characters of every length. */
static void a_long_sentence_has_whole_characters_around_its_gap(void **state)
{
    static const char *const CHARACTERS[] = { "x", "\xc3\xb8", "\xe7\x8c\xab", "\xf0\x9f\x90\x88" };
    char name[2048];
    struct vit_error err;

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(CHARACTERS); i++) {
        const size_t bytes = strlen(CHARACTERS[i]);

        for (size_t before = 0; before < bytes; before++) {
            const size_t half = (sizeof err.text - 4) / 2, first = before + (half - before) / bytes * bytes;
            const size_t last = half / bytes * bytes;
            size_t at = before;

            memset(name, '.', before);
            while (at + bytes < sizeof name) memcpy(name + at, CHARACTERS[i], bytes), at += bytes;
            name[at] = '\0';
            vit_fail(&err, VIT_ERR_IO, "%s", name);
            assert_int_equal(strlen(err.text), first + 3 + last);
            assert_memory_equal(err.text, name, first);
            assert_memory_equal(err.text + first, "...", 3);
            assert_string_equal(err.text + first + 3, name + at - last);
        }
    }
}

static void a_long_path_leaves_the_reason_whole(void **state)
{
    static const size_t LENGTHS[] = { 990, 1000, 1023, 1024, 1100, 4095, 100000 };
    struct vit_error err;

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(LENGTHS); i++) {
        char *path = malloc(LENGTHS[i] + 1);

        assert_non_null(path);
        memset(path, 'x', LENGTHS[i]);
        memcpy(path + LENGTHS[i] - 4, ".jpg", 5);
        path[0] = '/';
        vit_fail(&err, VIT_ERR_IO, "%s: cannot be opened: No such file", path);
        assert_memory_equal(err.text, "/xxx", 4);
        assert_non_null(strstr(err.text, "xxx.jpg: cannot be opened: No such file"));
        assert_int_equal(!!strstr(err.text, "x...x"), LENGTHS[i] + 32 >= sizeof err.text);
        free(path);
    }
}

static void a_cut_takes_no_part_of_a_character(void **state)
{
    static const char TEXT[] = "a\xc3\xb8\xe7\x8c\xab\xf0\x9f\x90\x88";
    static const size_t WANT[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10 };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(WANT); i++) assert_int_equal(vit_cut(TEXT, i), WANT[i]);
    assert_int_equal(vit_cut("\x80\x80\x80\x80\x80", 5), 5); /* not UTF-8: nothing to keep whole */
}

static void a_text_is_utf_8_to_its_end_or_not(void **state)
{
    static const char *const BAD[] = { "\xff", "caf\xe9", "caf\xe9s", "\xc3", "a\xed\xa0\x80" };

    (void)state;
    assert_true(vit_is_utf8(""));
    assert_true(vit_is_utf8("caf\xc3\xa9\n\xf0\x9f\x90\x88"));
    for (size_t i = 0; i < VIT_COUNT(BAD); i++) assert_false(vit_is_utf8(BAD[i]));
}

static void no_error_is_wanted(void **state)
{
    (void)state;
    assert_int_equal(vit_fail(NULL, VIT_ERR_NOMEM, "%s", "x"), VIT_ERR_NOMEM);
}

/* What fits alone, up to the padding of its end, must not make room for a second one. */
static void sizes_that_do_not_fit_together_are_refused(void **state)
{
    static const size_t SECOND[] = { SIZE_MAX / 2 - VIT_ALIGN, SIZE_MAX / 2, SIZE_MAX, 1 };

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(SECOND); i++) {
        struct vit_arena a = { 0 };
        struct vit_error err;

        vit_arena_take(&a, SIZE_MAX / 2 - VIT_ALIGN, 1);
        vit_arena_take(&a, SECOND[i], 1);
        assert_true(a.overflow);
        vit_arena_take(&a, 1, 1); /* and stays so */
        assert_refused(vit_arena_alloc(&a, "arena", &err), VIT_ERR_NOMEM, "does not fit the address space",
                       &err);
        assert_null(a.base);
    }
}

static void a_list_keeps_what_it_holds_as_it_grows(void **state)
{
    enum { ITEMS = 100 };
    int *items = NULL;

    (void)state;
    for (int i = 0; i < ITEMS; i++) {
        assert_true(vit_grow((void **)&items, (size_t)i, sizeof *items));
        items[i] = i;
    }
    for (int i = 0; i < ITEMS; i++) assert_int_equal(items[i], i);
    free(items);
}

/* Twice as many do not, though those that there are would. */
static void a_list_that_does_not_fit_memory_does_not_grow(void **state)
{
    void *items = NULL;

    (void)state;
    assert_false(vit_grow(&items, SIZE_MAX / 2 + 1, 1));
    assert_false(vit_grow(&items, SIZE_MAX / 16 + 1, 8));
    assert_null(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_in_any_script_stay_readable),
        cmocka_unit_test(a_control_character_is_a_question_mark),
        cmocka_unit_test(what_is_no_utf_8_is_a_question_mark_a_byte),
        cmocka_unit_test(a_long_sentence_has_whole_characters_around_its_gap),
        cmocka_unit_test(a_long_path_leaves_the_reason_whole),
        cmocka_unit_test(a_cut_takes_no_part_of_a_character),
        cmocka_unit_test(a_text_is_utf_8_to_its_end_or_not),
        cmocka_unit_test(no_error_is_wanted),
        cmocka_unit_test(sizes_that_do_not_fit_together_are_refused),
        cmocka_unit_test(a_list_keeps_what_it_holds_as_it_grows),
        cmocka_unit_test(a_list_that_does_not_fit_memory_does_not_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
