/* The bar of long work, and times as people read them. */
#include <unistd.h>

#include "tests/support/test.h"
#include "tests/support/tmp.h"
#include "tools/progress.h"

static void times_are_read_as_on_a_clock(void **state)
{
    static const struct {
        double seconds;
        const char *text;
    } ROWS[] = { { 0, "0:00" },       { 59.4, "0:59" }, { 59.6, "1:00" },         { 3599, "59:59" },
                 { 3723, "1:02:03" }, { NAN, "?" },     { 1e300, "277777:46:40" } };
    char text[32];

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++)
        assert_string_equal(progress_clock(text, sizeof text, ROWS[i].seconds), ROWS[i].text);
}

static void the_bar_says_what_is_left(void **state)
{
    static const struct {
        size_t done, total;
        double elapsed;
        const char *line;
    } ROWS[] = {
        { 1000, 3000, 100, "[########................] 1000/3000 pictures  10.0/s  3:20 left" },
        { 1000, 61000, 100, "[........................] 1000/61000 pictures  10.0/s  1:40:00 left" },
        /* more seconds than an int holds */
        { 1, 1000000000, 1e5, "[........................] 1/1000000000 pictures  0.0/s  277777:46:40 left" },
        { 0, 10, 100, "[........................] 0/10 pictures  0.0/s  ? left" }, /* nothing is known yet */
    };
    char text[PROGRESS_LINE];

    (void)state;
    for (size_t i = 0; i < VIT_COUNT(ROWS); i++) {
        const struct progress p = { .what = "pictures", .total = ROWS[i].total };
        assert_string_equal(progress_line(text, sizeof text, &p, ROWS[i].done, ROWS[i].elapsed),
                            ROWS[i].line);
    }
}

/* The time is the clock's: only what does not depend on it is compared. */
static void the_bar_is_drawn_over_itself_on_stderr(void **state)
{
    static const char START[] = "\r[########................] 1000/3000 pictures  ", END[] = " left \033[K";
    FILE *file = tmpfile();
    const int kept = dup(STDERR_FILENO);
    struct progress p;
    char text[256];
    size_t size;

    (void)state;
    assert_non_null(file);
    assert_true(kept >= 0);
    progress_start(&p, "pictures", 3000, true);
    p.shown = true; /* though stderr is a file */
    p.last -= 100;
    dup2(fileno(file), STDERR_FILENO);
    progress_update(&p, 1000);
    dup2(kept, STDERR_FILENO);
    close(kept);
    rewind(file);
    size = fread(text, 1, sizeof text - 1, file);
    text[size] = '\0';
    fclose(file);
    assert_int_equal(strncmp(text, START, sizeof START - 1), 0);
    assert_true(size > sizeof END && strcmp(text + size - (sizeof END - 1), END) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read_as_on_a_clock),
        cmocka_unit_test(the_bar_says_what_is_left),
        cmocka_unit_test(the_bar_is_drawn_over_itself_on_stderr),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
