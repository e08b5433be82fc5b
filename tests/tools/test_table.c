/* Tables as markdown. */
#include "tools/table.h"

#include "tests/support/test.h"

static char *markdown_of(const struct table *t)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    assert_true(table_markdown(out, t));
    fclose(out);
    return text;
}

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
    struct table t = { 0 };
    char *text;

    (void)state;
    table_column(&t, TABLE_LEFT, "placement");
    table_column(&t, TABLE_RIGHT, "%s", "n");
    table_cell(&t, "%s", "pre");
    table_cell(&t, "%d", 12345);
    table_cell(&t, "%s", "≥ 0.01 ± 1"); /* eleven columns with more bytes */
    table_cell(&t, "–");
    text = markdown_of(&t);
    assert_string_equal(text, "| placement  |     n |\n"
                              "|:-----------|------:|\n"
                              "| pre        | 12345 |\n"
                              "| ≥ 0.01 ± 1 |     – |\n");
    free(text);
    table_free(&t);
}

static void no_text_ends_its_cell(void **state)
{
    struct table t = { 0 };
    char *text;

    (void)state;
    table_column(&t, TABLE_LEFT, "a");
    table_cell(&t, "x|y");
    table_cell(&t, "x\ny");
    table_cell(&t, "%s", "");
    text = markdown_of(&t);
    assert_string_equal(text, "| a      |\n|:-------|\n| x/y    |\n| x\\x0ay |\n|        |\n");
    free(text);
    table_free(&t);
}

static void no_text_is_html(void **state)
{
    struct table t = { 0 };
    char *text;

    (void)state;
    table_column(&t, TABLE_RIGHT, "a");
    table_cell(&t, "<b>&");
    table_cell(&t, "x");
    text = markdown_of(&t);
    assert_string_equal(text, "|           a |\n|------------:|\n| &lt;b>&amp; |\n|           x |\n");
    free(text);
    table_free(&t);
}

/* More than one power of two of both. */
static void a_table_grows(void **state)
{
    enum { COLUMNS = 100, ROWS = 70 };
    struct table t = { 0 };
    char *text, *at;

    (void)state;
    for (int c = 0; c < COLUMNS; c++) table_column(&t, TABLE_RIGHT, "%d", c);
    for (int i = 0; i < COLUMNS * ROWS; i++) table_cell(&t, "%d", i);
    table_cell(&t, "a row that is not complete");
    text = markdown_of(&t);
    assert_null(strstr(text, "complete"));
    at = strstr(text, " 6999 |\n");
    assert_non_null(at);
    assert_string_equal(at, " 6999 |\n");
    free(text);
    table_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
        cmocka_unit_test(no_text_ends_its_cell),
        cmocka_unit_test(no_text_is_html),
        cmocka_unit_test(a_table_grows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
