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

/* What a bar draws on stderr of done out of total things, the first of them since seconds ago. */
static void draw(char *text, size_t size, size_t done, size_t total, double seconds)
{
    FILE *file = tmpfile();
    const int kept = dup(STDERR_FILENO);
    struct progress p;

    assert_non_null(file);
    assert_true(kept >= 0);
    progress_start(&p, "pictures", total, true);
    p.shown = true; /* though stderr is a file */
    p.start -= seconds;
    p.last -= seconds;
    dup2(fileno(file), STDERR_FILENO);
    progress_update(&p, done);
    dup2(kept, STDERR_FILENO);
    close(kept);
    rewind(file);
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
}

static void the_bar_says_what_is_left(void **state)
{
    char text[256];

    (void)state;
    draw(text, sizeof text, 1000, 3000, 100);
    assert_string_equal(text, "\r[########................] 1000/3000 pictures  10.0/s  3:20 left \033[K");
    draw(text, sizeof text, 1000, 61000, 100);
    assert_non_null(strstr(text, " 1:40:00 left "));
    draw(text, sizeof text, 1, 1000000000, 1e5); /* more seconds than an int holds */
    assert_non_null(strstr(text, " 277777:46:40 left "));
    draw(text, sizeof text, 0, 10, 100); /* nothing is known yet */
    assert_non_null(strstr(text, "] 0/10 pictures  0.0/s  ? left "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read_as_on_a_clock),
        cmocka_unit_test(the_bar_says_what_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
